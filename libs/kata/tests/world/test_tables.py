import threading
from collections.abc import Iterator

import pytest
from psycopg import sql

from kata.catalog.projects import Project
from kata.judge.intervals import Inconclusive
from kata.solution.procfile_target import ProcfileTarget
from kata.world.dependencies import PostgresUnderTest
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld
from kata.world.tables import ROWS_HELD, TABLE_HELD, rows_in, tables, writers_held

SHORT_SECONDS, LONG_SECONDS = 0.05, 10.0


@pytest.fixture
def postgres(doubler: Project) -> Iterator[PostgresUnderTest]:
    """A solution's database with two tables of odd names, and a row in each."""
    world = OwnedWorld(ProcfileTarget(doubler.path), ["postgres"], Draw("5eed"))
    found = world.start({"LARGEST": "9", "KEEP_MILLISECONDS": "9"}).postgres
    with found.connect() as session:
        session.execute('CREATE TABLE "a b" (x int); CREATE SCHEMA "Own"; CREATE TABLE "Own"."user" (x int)')
        session.execute('INSERT INTO "a b" VALUES (1); INSERT INTO "Own"."user" VALUES (1)')
    yield found
    world.close()


def test_all_tables_are_found_and_their_rows_counted(postgres: PostgresUnderTest) -> None:
    with postgres.connect() as session:
        assert tables(session) == [sql.Identifier("Own", "user"), sql.Identifier("public", "a b")]
        assert rows_in(session) == 2


@pytest.mark.parametrize("how", [TABLE_HELD, ROWS_HELD])
def test_who_writes_is_held_until_the_end_and_who_reads_is_not(
    postgres: PostgresUnderTest, how: sql.SQL
) -> None:
    def write() -> None:
        with postgres.connect() as session:
            session.execute('UPDATE "a b" SET x = 2')

    writer = threading.Thread(target=write)
    with postgres.connect() as reader:
        with writers_held(postgres, how) as onlooker:
            assert not onlooker.wait_for(1, SHORT_SECONDS)
            writer.start()
            assert onlooker.wait_for(1, LONG_SECONDS)
            assert not onlooker.wait_for(2, SHORT_SECONDS)
            assert reader.execute('SELECT x FROM "a b"').fetchone() == (1,)
        writer.join()
        assert reader.execute('SELECT x FROM "a b"').fetchone() == (2,)


def test_tables_that_are_never_free_are_no_verdict(postgres: PostgresUnderTest) -> None:
    with postgres.connect() as session, session.transaction():
        session.execute('LOCK TABLE "Own"."user" IN ACCESS EXCLUSIVE MODE')
        with pytest.raises(Inconclusive), writers_held(postgres):
            pytest.fail("it was held")
