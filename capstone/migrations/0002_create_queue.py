"""Create procrastinate's tables, as its release that is pinned here has them."""

from alembic import op
from procrastinate.schema import SchemaManager

revision: str = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    cursor = (
        op.get_bind().connection.cursor()
    )  # without parameters, which many statements at once cannot have
    cursor.execute(SchemaManager.get_schema())
    cursor.close()
    op.execute(
        "DO $$ DECLARE name text; BEGIN"
        " FOR name IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relname LIKE 'procrastinate\\_%' AND c.relkind IN ('r', 'S')"
        " LOOP EXECUTE format('GRANT ALL ON %I TO capstone_app, capstone_worker', name); END LOOP; END $$"
    )


def downgrade() -> None:
    op.execute(
        "DO $$ DECLARE it record; BEGIN"
        " FOR it IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relname LIKE 'procrastinate\\_%' AND c.relkind = 'r'"
        " LOOP EXECUTE format('DROP TABLE %I CASCADE', it.relname); END LOOP;"
        " FOR it IN SELECT p.oid::regprocedure AS signature FROM pg_proc p"
        " WHERE p.proname LIKE 'procrastinate\\_%'"
        " LOOP EXECUTE format('DROP FUNCTION %s CASCADE', it.signature); END LOOP;"
        " FOR it IN SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
        " WHERE n.nspname = 'public' AND t.typname LIKE 'procrastinate\\_%' AND t.typtype IN ('e', 'c')"
        " LOOP EXECUTE format('DROP TYPE %I CASCADE', it.typname); END LOOP; END $$"
    )
