"""A real PostgreSQL that is restarted, frozen, locked and refused."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from time import monotonic

import psycopg
import pytest
from sqlalchemy import column, insert, make_url, table, text
from sqlalchemy.exc import IntegrityError

from kata.servers.postgres import EmbeddedPostgres
from service_kit.database import TIMEOUT_SECONDS, Database, driver_url, expect_written

PATIENCE_SECONDS = TIMEOUT_SECONDS + 3.0
"""For what is given up after TIMEOUT_SECONDS, on a machine that has much else to do."""

pytestmark = pytest.mark.anyio


class LostError(Exception):
    """What this service calls a lost PostgreSQL."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), syncs=False)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    database = Database(
        postgres.url(), "sample", LostError, pool_size=2, session_settings={"random_page_cost": "1.25"}
    )
    yield database
    await database.close()


def as_somebody(url: str) -> str:
    """Return the address of a database for a role without special rights."""
    return make_url(url).set(username="somebody", password="word").render_as_string(hide_password=False)


async def asked(database: Database, query: str) -> object:
    async with database.autocommit() as connection:
        return (await connection.execute(text(query))).scalar_one()


async def test_the_session_has_the_service_s_name_its_bounds_and_what_it_was_given(
    database: Database,
) -> None:
    settings = ("application_name", "timezone", "statement_timeout", "lock_timeout", "random_page_cost")
    found = [await asked(database, f"SHOW {setting}") for setting in settings]
    assert found == ["sample", "UTC", "5s", "3s", "1.25"]
    assert await asked(database, "SHOW idle_in_transaction_session_timeout") == "5s"


async def test_what_is_not_committed_is_rolled_back(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("CREATE TABLE kept (number int)"))
        await connection.commit()
        await connection.execute(text("CREATE TABLE dropped (number int)"))
    assert await asked(database, "SELECT to_regclass('kept')::text") == "kept"
    assert await asked(database, "SELECT to_regclass('dropped')") is None


async def test_an_autocommitted_statement_needs_no_commit(database: Database) -> None:
    async with database.autocommit() as connection:
        await connection.execute(text("CREATE TABLE at_once (number int)"))
    assert await asked(database, "SELECT to_regclass('at_once')::text") == "at_once"


async def test_a_value_that_is_there_already_or_refers_to_nothing_passes_as_it_is(database: Database) -> None:
    async with database.autocommit() as connection:
        await connection.execute(
            text("CREATE TABLE singles (number int UNIQUE, other int REFERENCES singles (number))")
        )
    await asked(database, "INSERT INTO singles VALUES (1) RETURNING 1")
    for statement in ("INSERT INTO singles VALUES (1)", "INSERT INTO singles VALUES (2, 3)"):
        with pytest.raises(IntegrityError):
            await asked(database, statement)


@pytest.mark.parametrize(
    "change",
    ["ADD COLUMN new int NOT NULL", "ADD CHECK (number < 0)", "ADD EXCLUDE USING btree (number WITH =)"],
)
async def test_a_constraint_that_says_nothing_of_a_client_s_values_is_a_loss(
    database: Database, postgres: EmbeddedPostgres, change: str
) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as other:
        other.execute("DROP TABLE IF EXISTS ruled")
        other.execute("CREATE TABLE ruled (number int)")
        other.execute(f"ALTER TABLE ruled {change}")
        if change.startswith("ADD EXCLUDE"):
            other.execute("INSERT INTO ruled VALUES (1)")
    with pytest.raises(LostError, match="IntegrityError 23"):
        await asked(database, "INSERT INTO ruled VALUES (1) RETURNING 1")
    await database.ping()


async def test_of_named_constraints_no_other_passes(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as other:
        other.execute("CREATE TABLE named (own int, foreign_one int)")
        other.execute("ALTER TABLE named ADD CONSTRAINT own_key UNIQUE (own)")
        other.execute("CREATE UNIQUE INDEX somebody_else_s ON named (foreign_one)")
    database = Database(postgres.url(), "sample", LostError, pool_size=1, constraints=["own_key"])
    await asked(database, "INSERT INTO named VALUES (1, 1) RETURNING 1")
    with pytest.raises(IntegrityError):
        await asked(database, "INSERT INTO named VALUES (1, 2) RETURNING 1")
    with pytest.raises(LostError, match="IntegrityError 23505"):
        await asked(database, "INSERT INTO named VALUES (2, 1) RETURNING 1")
    with pytest.raises(LostError, match="IntegrityError 23505"):
        await asked(database, "DO $$ BEGIN RAISE unique_violation; END $$")
    await database.close()


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO swallowing VALUES (2)", "UPDATE swallowing SET number = 3", "DELETE FROM swallowing"],
)
async def test_a_row_that_somebody_else_s_trigger_swallows_is_a_loss(
    database: Database, postgres: EmbeddedPostgres, statement: str
) -> None:
    one = insert(table("swallowing", column("number"))).values(number=1)
    with psycopg.connect(postgres.url(), autocommit=True) as other:
        other.execute("DROP TABLE IF EXISTS swallowing")
        other.execute("CREATE TABLE swallowing (number int)")
        async with database.transaction() as connection:
            expect_written(await connection.execute(one))
            await connection.commit()
        other.execute(
            "CREATE OR REPLACE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RETURN NULL; END'"
        )
        other.execute(
            "CREATE TRIGGER swallow BEFORE INSERT OR UPDATE OR DELETE ON swallowing"
            " FOR EACH ROW EXECUTE FUNCTION swallow()"
        )
    with pytest.raises(LostError, match="0 rows are written, and not 1"):
        async with database.autocommit() as connection:
            expect_written(await connection.execute(text(statement)))
    with pytest.raises(LostError, match="0 rows are written, and not 1"):
        async with database.transaction() as connection:
            expect_written(await connection.execute(one))
    with pytest.raises(LostError, match="No row was found"):
        await asked(database, f"{statement} RETURNING number")


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1 FROM no_such_table", "SELECT no_such_function()", "SELECT 1/0", "SELECT 'x'::int", "SELEC 1"],
)
async def test_any_other_error_of_the_driver_is_a_loss_that_says_which(
    database: Database, statement: str
) -> None:
    with pytest.raises(LostError, match=r"^PostgreSQL: [A-Za-z]+ [0-9A-Z]{5}$"):
        await asked(database, statement)
    await database.ping()


@pytest.mark.parametrize("owner", ["DATABASE foreign_settings", "ROLE somebody"])
async def test_what_the_database_or_the_role_has_set_does_not_matter(
    postgres: EmbeddedPostgres, owner: str
) -> None:
    foreign = {
        "datestyle": "German",
        "default_transaction_isolation": "serializable",
        "default_transaction_deferrable": "on",
        "intervalstyle": "sql_standard",
        "bytea_output": "escape",
        "synchronous_commit": "off",
        "timezone": "Asia/Kolkata",
        "transform_null_equals": "on",
        "extra_float_digits": "-15",
        "statement_timeout": "1ms",
        "search_path": "nowhere",
        "client_encoding": "LATIN1",
        "array_nulls": "off",
        "exit_on_error": "on",
        "gin_fuzzy_search_limit": "1",
        "idle_session_timeout": "50ms",
        "row_security": "off",
        "lock_timeout": "1ms",
        "idle_in_transaction_session_timeout": "1ms",
        "transaction_timeout": "1ms",
        "standard_conforming_strings": "off",
    }
    url = postgres.create_database("foreign_settings")
    with psycopg.connect(postgres.url(), autocommit=True) as other:
        other.execute("DROP ROLE IF EXISTS somebody")
        other.execute("CREATE ROLE somebody LOGIN PASSWORD 'word'")
        for name, value in foreign.items():
            other.execute(f"ALTER {owner} SET {name} = '{value}'")
    database = Database(as_somebody(url), "sample", LostError, pool_size=1)
    assert await asked(database, "SELECT '2026-02-01 00:00Z'::timestamptz::text") == "2026-02-01 00:00:00+00"
    assert await asked(database, "SELECT '\\x01'::bytea::text") == "\\x01"
    assert await asked(database, "SELECT (1.0::float8 / 3)::text") == "0.3333333333333333"
    assert await asked(database, "SHOW transaction_isolation") == "read committed"
    assert await asked(database, "SHOW synchronous_commit") == "on"
    assert await asked(database, "SHOW search_path") == '"$user",public'
    assert await asked(database, "SELECT '\u732b'::text") == "\u732b"
    kept = ("array_nulls", "exit_on_error", "gin_fuzzy_search_limit", "idle_session_timeout", "row_security")
    shown = [await asked(database, f"SHOW {name}") for name in (*kept, "standard_conforming_strings")]
    assert shown == ["on", "off", "0", "0", "on", "on"]
    bounds = (
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "transaction_timeout",
    )
    assert [await asked(database, f"SHOW {name}") for name in bounds] == ["5s", "3s", "5s", "10s"]
    await database.close()


@pytest.mark.parametrize("owner", ["DATABASE in_replica", "ROLE somebody"])
async def test_a_session_without_foreign_keys_is_refused(postgres: EmbeddedPostgres, owner: str) -> None:
    url = postgres.create_database("in_replica")
    with psycopg.connect(postgres.url(), autocommit=True) as other:
        other.execute("DROP ROLE IF EXISTS somebody")
        other.execute("CREATE ROLE somebody LOGIN PASSWORD 'word'")
        other.execute(f"ALTER {owner} SET session_replication_role = replica")
        database = Database(as_somebody(url), "sample", LostError, pool_size=1)
        with pytest.raises(LostError, match="session_replication_role is replica, and not origin"):
            await database.ping()
        with pytest.raises(LostError, match="session_replication_role is replica, and not origin"):
            await asked(database, "SELECT 1")
        other.execute(f"ALTER {owner} RESET session_replication_role")
    await database.ping()
    await database.close()


async def test_a_database_that_takes_no_writes_is_not_ready_until_it_does(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database("read_only")
    database = Database(url, "sample", LostError, pool_size=1)
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("ALTER DATABASE read_only SET default_transaction_read_only = on")
    with pytest.raises(LostError, match="read-only"):
        await database.ping()
    await database.close()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_in_which_most_characters_are_errors_is_not_ready(
    postgres: EmbeddedPostgres, encoding: str
) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as other:
        other.execute(
            f"CREATE DATABASE in_{encoding} TEMPLATE template0 ENCODING '{encoding}'"
            " LOCALE_PROVIDER libc LOCALE 'C'"
        )
    database = Database(postgres.url(f"in_{encoding}".lower()), "sample", LostError, pool_size=1)
    with pytest.raises(LostError, match=f"server_encoding is {encoding}, and not UTF8"):
        await database.ping()
    await database.close()


async def test_a_changed_table_fails_once_for_what_was_prepared(postgres: EmbeddedPostgres) -> None:
    watching = Database(postgres.url(), "sample", LostError, pool_size=1, tables=["changing"])
    with psycopg.connect(postgres.url(), autocommit=True) as other:
        other.execute("CREATE TABLE changing (word text)")
        for _ in range(8):  # the driver prepares what it has sent five times
            await watching.ping()
        other.execute("ALTER TABLE changing ALTER COLUMN word TYPE varchar")
        with pytest.raises(LostError):
            await watching.ping()
        await watching.ping()
        other.execute("ALTER TABLE changing RENAME TO elsewhere")
        with pytest.raises(LostError, match="42P01"):
            await watching.ping()
        other.execute("ALTER TABLE elsewhere RENAME TO changing")
        await watching.ping()
    await watching.close()


async def test_a_silent_server_is_given_up_in_time_and_used_again_later(
    database: Database, postgres: EmbeddedPostgres
) -> None:
    await database.ping()
    postgres.pause()
    try:
        began = monotonic()
        with pytest.raises(LostError, match="PostgreSQL: "):
            await database.ping()
        assert TIMEOUT_SECONDS <= monotonic() - began < PATIENCE_SECONDS
    finally:
        postgres.resume()
    await database.ping()


async def test_a_refused_connection_is_a_loss(postgres: EmbeddedPostgres) -> None:
    elsewhere = Database(
        postgres.url().replace(f":{postgres.port}/", ":1/"), "sample", LostError, pool_size=1
    )
    with pytest.raises(LostError):
        await elsewhere.ping()
    await elsewhere.close()


async def test_slow_queries_and_who_waits_for_their_connections_are_given_up_together(
    database: Database,
) -> None:
    began = monotonic()
    slow = [asked(database, "SELECT pg_sleep(10)") for _ in range(2)]
    ended = await asyncio.gather(*slow, database.ping(), return_exceptions=True)
    assert [type(one) for one in ended] == [LostError] * 3
    assert monotonic() - began < PATIENCE_SECONDS
    await database.ping()


async def test_a_lock_of_somebody_else_is_not_waited_for_longer_than_that(
    database: Database, postgres: EmbeddedPostgres
) -> None:
    with psycopg.connect(postgres.url()) as other:
        other.execute("SELECT pg_advisory_xact_lock(7)")
        with pytest.raises(LostError):
            await asked(database, "SELECT pg_advisory_xact_lock(7)")
    await database.ping()


async def test_the_pool_survives_a_restart_of_the_server(
    database: Database, postgres: EmbeddedPostgres
) -> None:
    async with database.autocommit(), database.autocommit():
        pass
    postgres.restart()
    for _ in range(4):
        await database.ping()


def test_an_address_is_taken_to_the_driver() -> None:
    assert driver_url("postgresql://u:p@localhost/db").drivername == "postgresql+psycopg"
