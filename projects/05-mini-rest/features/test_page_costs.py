"""Steps of page_costs.feature."""

import time
from dataclasses import dataclass

from psycopg import Connection, sql
from pytest_bdd import given, scenarios, then, when

from kata.steps import Inconclusive, World, expect, wait_until_ready

from .office import Member, Office

MANY, NONE, SOME = 40, 11, 6
DEEP, SHOWN = 125, 5
READS = 4
FORWARD, BACK = "next", "prev"

ROWS_READ = """
    SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_user_tables
"""

type Ledger = Connection[tuple[object, ...]]

scenarios("page_costs.feature")


@given("tasks of several owners", target_fixture="member")
def tasks_of_several_owners(office: Office) -> Member:
    reader = office.member("ADMIN")
    for _ in range(7):
        office.member("USER", reader.organisation).create()
    return reader


@when("pages with one task and with all of them are read", target_fixture="counted")
def pages_with_one_task_and_with_all_are_read(office: Office, member: Member) -> tuple[int, int]:
    def count(limit: int) -> int:
        before = office.service.postgres.count_statements()
        page = member.page(limit=str(limit))
        expect(len(page.items) == limit, expected=f"{limit} tasks", got=len(page.items))
        return office.service.postgres.count_statements() - before

    # The least of several: a pool may test a connection now and then.
    return min(count(1) for _ in range(READS)), min(count(7) for _ in range(READS))


@then("PostgreSQL has counted as many statements for the one as for the other")
def postgresql_has_counted_as_many_statements(counted: tuple[int, int]) -> None:
    one, all_of_them = counted
    expect(one > 0, expected="statements", got=one)
    wanted = f"{one} statements for seven tasks, as for one"
    expect(all_of_them == one, expected=wanted, got=all_of_them)


@dataclass(frozen=True)
class Deep:
    """A long list in some order, and where its first page and one far behind it are."""

    sort: str
    first: str
    far: str


@given("a long list", target_fixture="member")
def a_long_list(office: Office, world: World) -> Member:
    member = office.member("ADMIN")
    due = world.draw.choice([None, "2031-05-06T07:08:09Z"])
    for _ in range(DEEP):
        member.post({"title": "x", "due_at": due})
    return member


@when("its first page is read in several orders, and one far behind it", target_fixture="rows")
def its_first_page_is_read(office: Office, member: Member, world: World) -> list[tuple[str, int, int]]:
    sorts = ["due_at", "-due_at", world.draw.choice(["created_at", "-created_at"])]
    lists = [deep_in(member, sort) for sort in world.draw.shuffle(sorts)]
    with office.service.postgres.connect() as ledger:
        as_if_large(ledger, office)
        try:
            read = Reading(office, ledger, member)
            return [(it.sort, read.rows_of(it.first), read.rows_of(it.far)) for it in lists]
        finally:
            as_it_was(ledger, office)


def deep_in(member: Member, sort: str) -> Deep:
    """Find a page far behind the first one: the limit of a cursor's page may be another."""
    hundred = member.page(limit="100", sort=sort)
    expect(len(hundred.ids) == 100, expected="a hundred tasks", got=len(hundred.ids))
    far = hundred.link(FORWARD).replace("limit=100", f"limit={SHOWN}")
    return Deep(sort, f"{member.tasks}?limit={SHOWN}&sort={sort}", far)


class Reading:
    """Counts what PostgreSQL reads for a page, several times."""

    def __init__(self, office: Office, ledger: Ledger, member: Member) -> None:
        self._office = office
        self._ledger = ledger
        self._member = member
        flush(office, ledger)
        self._rows = rows_read(ledger)

    def rows_of(self, path: str) -> int:
        for _ in range(READS):
            page = self._member.follow(path)
            expect(len(page.items) == SHOWN, expected=f"{SHOWN} tasks", got=len(page.items))
        flush(self._office, self._ledger)
        before, self._rows = self._rows, rows_read(self._ledger)
        return self._rows - before


def rows_read(ledger: Ledger) -> int:
    """Return how many rows of its tables PostgreSQL has read so far."""
    found = ledger.execute(ROWS_READ).fetchone()
    return int(str(found[0])) if found else 0


def as_if_large(ledger: Ledger, office: Office) -> None:
    """Have PostgreSQL plan for this small table what it would plan for a large one."""
    for setting in ("enable_seqscan", "enable_sort", "enable_bitmapscan"):
        command = sql.SQL("ALTER DATABASE {} SET {} = off").format(
            sql.Identifier(office.service.postgres.database), sql.SQL(setting)
        )
        ledger.execute(command)


def as_it_was(ledger: Ledger, office: Office) -> None:
    database = sql.Identifier(office.service.postgres.database)
    ledger.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(database))
    flush(office, ledger)


def flush(office: Office, ledger: Ledger) -> None:
    """End the service's sessions: then each writes down what it has counted, which is seldom otherwise."""
    proxy = office.service.postgres.proxy
    proxy.cut()
    deadline = time.monotonic() + 5.0
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    while ledger.execute(query).fetchone() != (0,):
        if time.monotonic() > deadline:
            raise Inconclusive("the service's sessions did not end")
        time.sleep(0.01)
    proxy.pass_through()
    wait_until_ready(office.service.web)


@then("PostgreSQL has read about as many rows for the one as for the other, and few")
def postgresql_has_read_about_as_many_rows(rows: list[tuple[str, int, int]]) -> None:
    most = 10 * SHOWN + 20
    for sort, *counts in rows:
        first, far = (count / READS for count in counts)
        wanted = f"at most 1.2 times the {first:g} rows of the first page by {sort}, and 2"
        expect(far <= 1.2 * first + 2, expected=wanted, got=f"{far:g}")
        expect(first <= most, expected=f"at most {most} rows for {SHOWN} tasks by {sort}", got=f"{first:g}")
