from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine

import auth
from core.audit import tables as audit
from core.files import tables as files
from core.flags import tables as flags
from core.idempotency import tables as idempotency
from core.identity import tables as identity
from core.inbox import tables as inbox
from core.invitations import tables as invitations
from core.jobs import tables as jobs
from core.keys import tables as keys
from core.mail import tables as mail
from core.metadata import METADATA
from core.projects import tables as projects
from core.tenancy import tables as tenancy
from core.webhooks import tables as webhooks
from service_kit.database import driver_url
from service_kit.migrations import migrate

MIGRATIONS = Path(__file__).parents[1] / "migrations"
DOMAINS = (
    audit,
    files,
    flags,
    idempotency,
    identity,
    inbox,
    invitations,
    jobs,
    keys,
    mail,
    projects,
    tenancy,
    webhooks,
)
OF_AUTH = MetaData()
for name in ("refresh_token_families", "refresh_tokens"):  # its API keys know no tenants, and ours do
    auth.metadata.tables[name].to_metadata(OF_AUTH)
OWN = {*METADATA.tables, *OF_AUTH.tables}


def differences(url: str) -> list[object]:
    """Compare all tables but those of the engine of jobs, which are its own."""
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            options = {"include_object": lambda _, name, kind, *__: kind != "table" or name in OWN}
            context = MigrationContext.configure(connection, opts=options)
            return list(compare_metadata(context, [METADATA, OF_AUTH]))  # type: ignore[arg-type]  # it takes several
    finally:
        engine.dispose()


def test_the_migrations_make_the_tables(postgres_url: str) -> None:
    migrate(postgres_url, MIGRATIONS)
    assert differences(postgres_url) == []


def test_the_migrations_can_be_undone_and_made_again(postgres_url: str) -> None:
    migrate(postgres_url, MIGRATIONS)
    migrate(postgres_url, MIGRATIONS, "base")
    assert differences(postgres_url) != []
    migrate(postgres_url, MIGRATIONS)
    assert differences(postgres_url) == []
