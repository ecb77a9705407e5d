"""Let each process read of which environment the database is, and do nothing with the queue but use it.

Processes may have logins of their own, which read as these roles from the start: before, whoever owned the
tables read the environment.
"""

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"

ROLES = "capstone_app, capstone_worker"
QUEUE = (
    "DO $$ DECLARE name text; BEGIN"
    " FOR name IN SELECT tablename FROM pg_tables"
    " WHERE schemaname = 'public' AND tablename LIKE 'procrastinate\\_%'"
    " LOOP EXECUTE format('{} ON %I {}', name); END LOOP; END $$"
)
BEYOND_USE = "TRUNCATE, REFERENCES, TRIGGER, MAINTAIN"


def upgrade() -> None:
    op.execute(f"GRANT SELECT ON environment TO {ROLES}")
    op.execute(QUEUE.format(f"REVOKE {BEYOND_USE}", f"FROM {ROLES}"))


def downgrade() -> None:
    op.execute("REVOKE SELECT ON environment FROM capstone_app, capstone_worker")
    op.execute(QUEUE.format(f"GRANT {BEYOND_USE}", f"TO {ROLES}"))
