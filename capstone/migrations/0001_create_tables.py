"""Create the tables, and the two roles that use them.

`capstone_app` serves requests: it sees the rows of the tenant that its transaction names. `capstone_worker`
runs jobs: it sees the jobs of all tenants, and all else as the app does. Neither owns a table, and neither
may pass over a policy. Whoever runs this owns them all.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("now()")
ROLES = ("capstone_app", "capstone_worker")
OF_TENANTS = ("memberships", "projects", "flag_overrides", "jobs", "job_attempts")
GLOBAL = ("users", "refresh_token_families", "refresh_tokens", "organisations", "flags")


def upgrade() -> None:
    create_roles()
    create_global_tables()
    create_tables_of_tenants()
    create_policies()
    for role in ROLES:
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        tables = ", ".join((*GLOBAL, *OF_TENANTS))
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role}")


def create_roles() -> None:
    """Roles belong to the server, not to a database: the migration of another may have made them just now."""
    for role in ROLES:
        op.execute(
            # Where logins were made before, whoever migrates may make none.
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
            f" THEN CREATE ROLE {role} NOLOGIN NOBYPASSRLS; END IF;"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )


def create_global_tables() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("is_staff", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("disabled_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("email", name="users_email_key"),
    )
    op.create_table(
        "refresh_token_families",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False, index=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False, index=True),
        sa.Column("ended_at", MOMENT),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column(
            "family_id",
            sa.Text,
            sa.ForeignKey("refresh_token_families.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("used_at", MOMENT),
        sa.Column("successor", sa.Text),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("suspended_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="organisations_pkey"),
    )
    op.create_table(
        "flags",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("key", name="flags_pkey"),
    )


def reference(table: str, column: str, target: str, *, on_delete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"{table}_{column}_fkey", ondelete=on_delete)


def create_tables_of_tenants() -> None:
    op.create_table(
        "memberships",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name="memberships_pkey"),
        sa.CheckConstraint("role IN ('member', 'admin', 'owner')", name="memberships_role_check"),
        reference("memberships", "tenant_id", "organisations.id"),
        reference("memberships", "user_id", "users.id"),
    )
    op.create_index("memberships_user_id_idx", "memberships", ["user_id"])
    op.create_table(
        "projects",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("updated_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("deleted_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="projects_pkey"),
        reference("projects", "tenant_id", "organisations.id"),
    )
    op.create_index("projects_tenant_id_id_idx", "projects", ["tenant_id", "id"])
    op.create_table(
        "flag_overrides",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("flag_key", sa.Text, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "flag_key", name="flag_overrides_pkey"),
        reference("flag_overrides", "tenant_id", "organisations.id"),
        reference("flag_overrides", "flag_key", "flags.key"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("args", postgresql.JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="queued"),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("run_token", sa.Uuid),
        sa.Column("lease_until", MOMENT),
        sa.Column("run_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("requested_by", sa.Uuid),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("finished_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="jobs_pkey"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'dead', 'discarded', 'cancelled')",
            name="jobs_state_check",
        ),
        reference("jobs", "tenant_id", "organisations.id"),
        reference("jobs", "requested_by", "users.id", on_delete="SET NULL"),
    )
    op.create_index("jobs_tenant_id_id_idx", "jobs", ["tenant_id", "id"])
    op.create_index(
        "jobs_queued_idx", "jobs", ["tenant_id", "run_at", "id"], postgresql_where=sa.text("state = 'queued'")
    )
    op.create_index(
        "jobs_running_idx", "jobs", ["lease_until"], postgresql_where=sa.text("state = 'running'")
    )
    op.create_table(
        "job_attempts",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("finished_at", MOMENT),
        sa.Column("outcome", sa.Text),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("job_id", "number", name="job_attempts_pkey"),
        reference("job_attempts", "job_id", "jobs.id"),
    )


def create_policies() -> None:
    for name in ("tenant", "user"):
        op.execute(
            f"CREATE FUNCTION app_{name}() RETURNS uuid LANGUAGE sql STABLE"
            f" RETURN nullif(current_setting('app.{name}_id', true), '')::uuid"
        )
    for table in (*OF_TENANTS, "organisations"):
        column = "id" if table == "organisations" else "tenant_id"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_the_tenant ON {table} USING ({column} = app_tenant())")
    # People see which organisations they are in, before one of them is named.
    op.execute("CREATE POLICY ones_own ON memberships FOR SELECT USING (user_id = app_user())")
    op.execute(
        "CREATE POLICY ones_own ON organisations FOR SELECT USING (EXISTS (SELECT FROM memberships"
        " WHERE memberships.tenant_id = organisations.id AND memberships.user_id = app_user()))"
    )
    for table in ("jobs", "job_attempts"):
        op.execute(f"CREATE POLICY of_workers ON {table} TO capstone_worker USING (true)")


def downgrade() -> None:
    for table in reversed((*GLOBAL, *OF_TENANTS)):
        op.execute(f"DROP TABLE {table} CASCADE")
    for name in ("tenant", "user"):
        op.execute(f"DROP FUNCTION app_{name}()")
