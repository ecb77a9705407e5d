"""Steps of lists.feature: pages, filters, cursors, and what they cost."""

import string
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode

from psycopg import sql
from pytest_bdd import given, scenarios, then, when

from kata.steps import Exchange, Inconclusive, World, as_object, expect, wait_until_ready

from .ledger import Ledger, rows_read
from .office import Json, Member, Office, Page, Task, User, parameters_of

MANY, NONE, SOME = 40, 11, 6
DEEP, SHOWN = 125, 5
READS = 4
BASE64 = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}-_"
FORWARD, BACK = "next", "prev"

scenarios("lists.feature")


@dataclass
class Walk:
    """The pages of a walk in one direction, by one order."""

    sort: str
    way: str
    pages: list[Page] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Return what was met, in the order of the list."""
        pages = self.pages if self.way == FORWARD else self.pages[::-1]
        return [task_id for page in pages for task_id in page.ids]


@dataclass
class Long:
    """A list with many ties, and who reads it."""

    member: Member
    tasks: dict[str, Task]
    walks: list[Walk] = field(default_factory=list)


@given("tasks of which many are due at the same moment, and some at none", target_fixture="long")
def tasks_of_which_many_are_due_at_the_same_moment(office: Office, world: World) -> Long:
    draw, member = world.draw, office.member("ADMIN")
    year = draw.integer(2030, 2080)
    moments: list[str | None] = [f"{year}-05-06T07:08:09Z"] * MANY + [None] * NONE
    moments += [f"{year + draw.integer(-2, 2)}-0{number + 1}-02T03:04:05.678Z" for number in range(SOME)]
    tasks = [member.create(due_at=moment) for moment in draw.shuffle(moments)]
    return Long(member, {task.id: task for task in tasks})


@when("they are walked through forward and back, in two orders, while others come and go")
def they_are_walked_through(long: Long, world: World) -> None:
    draw, member = world.draw, long.member
    sorts = [draw.choice(["due_at", "-due_at"]), draw.choice(["created_at", "-created_at", ""])]
    for sort in draw.shuffle(sorts):
        query = {"limit": str(draw.integer(4, 11))} | ({"sort": sort} if sort else {})
        forward = Walk(sort, FORWARD, [member.page(**query)])
        walk_on(long, forward, world)
        long.walks.append(forward)
        back = Walk(sort, BACK, [forward.pages[-1]])
        walk_on(long, back, world)
        long.walks.append(back)


def walk_on(long: Long, walk: Walk, world: World) -> None:
    """Follow the links to the end. Between the pages two tasks come for one that goes."""
    member, draw = long.member, world.draw
    while (following := walk.pages[-1].links.get(walk.way)) is not None:
        expect(len(walk.pages) < 200, expected="an end of the list", got="200 pages")
        known = [task_id for task_id in walk.pages[-1].ids if task_id in long.tasks]
        if known and len(walk.pages) % 2:
            # The one that the cursor was made from, now and then.
            gone = long.tasks.pop(draw.choice([known[-1], known[0]]))
            member.delete(gone, "*")
        else:
            for _ in range(2):
                member.create(due_at=draw.choice([None, "2031-05-06T07:08:09Z"]))
        walk.pages.append(member.follow(following))


@then("each that stayed was met exactly once each time, in the order that was asked for")
def each_that_stayed_was_met_exactly_once(long: Long) -> None:
    for walk in long.walks:
        met = [task_id for task_id in walk.ids if task_id in long.tasks]
        counts = {task_id: met.count(task_id) for task_id in long.tasks}
        wrong = {task_id: count for task_id, count in counts.items() if count != 1}
        what = f"a walk {'forward' if walk.way == FORWARD else 'back'} by {walk.sort or 'the default'}"
        expect(
            not wrong,
            expected=f"each of {len(counts)} tasks once in {what}",
            got=f"{wrong}, the count of each",
        )
        items = {str(item.get("id")): item for page in walk.pages for item in page.items}
        in_order([items[task_id] for task_id in walk.ids], walk.sort, what)


def in_order(items: Sequence[Json], sort: str, what: str) -> None:
    """Demand the order that was asked for: without a moment last, whatever the direction."""
    name = sort.removeprefix("-") or "created_at"
    descends = sort.startswith("-") or not sort
    values = [item.get(name) for item in items]
    moments = [datetime.fromisoformat(str(value)) for value in values if value is not None]
    expect(
        values[len(moments) :] == [None] * (len(values) - len(moments)),
        expected=f"null last in {what}",
        got=values,
    )
    expect(moments == sorted(moments, reverse=descends), expected=f"the order of {what}", got=values)


@then("the first page leads nowhere back, and the last nowhere further")
def the_first_page_leads_nowhere_back(long: Long) -> None:
    for walk in long.walks:
        if walk.way == FORWARD:
            first = walk.pages[0]
            expect(BACK not in first.links, expected='no rel="prev"', got=first.links, answer=first.answer)
        leads_back(walk, {*long.tasks})


def leads_back(walk: Walk, stayed: set[str]) -> None:
    """Demand of each page the link to those before it. Where all of those are gone, it may be the edge."""
    back = BACK if walk.way == FORWARD else FORWARD
    passed: set[str] = set()
    for page in walk.pages:
        beside = passed & stayed
        wanted = f'rel="{back}" by {walk.sort or "the default"}: there are {", ".join(sorted(beside)[:3])}'
        expect(
            not beside or back in page.links,
            expected=wanted,
            got=page.links,
            answer=page.answer,
        )
        passed |= {*page.ids}


@dataclass(frozen=True)
class Mixed:
    """Tasks of two owners in one organisation, and which of them are deleted."""

    member: Member
    owners: list[User]
    tasks: list[Task]
    deleted: set[str]


@given("tasks of several owners, in all states, some of them deleted", target_fixture="mixed")
def tasks_of_several_owners_in_all_states(office: Office, world: World) -> Mixed:
    draw, member = world.draw, office.member("ADMIN")
    owners = [member, office.member("USER", member.organisation)]
    tasks, deleted = [], set()
    for owner in owners:
        for status in ("open", "done"):
            for number in range(3):
                task = owner.create(status=status, due_at=draw.choice([None, "2031-05-06T07:08:09Z"]))
                tasks.append(task)
                if number == 0:
                    owner.delete(task)
                    deleted.add(task.id)
    return Mixed(member, [owner.user for owner in owners], tasks, deleted)


@when("they are listed with each filter, and with several", target_fixture="lists")
def they_are_listed_with_each_filter(mixed: Mixed, world: World) -> list[tuple[dict[str, str], list[Page]]]:
    draw = world.draw
    owner = draw.choice(mixed.owners).id
    queries: list[dict[str, str]] = [
        {},
        {"status": "open"},
        {"status": "done"},
        {"owner": owner},
        {"owner": str(draw.uuid())},
        {"deleted": "true"},
        {"deleted": "false"},
        {"status": draw.choice(["open", "done"]), "owner": owner, "deleted": draw.choice(["true", "false"])},
    ]
    found = []
    for query in queries:
        asked = query | {"sort": draw.choice(["due_at", "-due_at", "created_at"]), "limit": "2"}
        shuffled = dict(draw.shuffle(asked.items()))
        found.append((shuffled, mixed.member.walk(**shuffled)))
    return found


@then("each list has what it should, as it is shown, and is met by its links page by page")
def each_list_has_what_it_should(mixed: Mixed, lists: list[tuple[dict[str, str], list[Page]]]) -> None:
    for query, pages in lists:
        wanted = {task.id for task in mixed.tasks if is_asked_for(task, query, mixed.deleted)}
        got = [task_id for page in pages for task_id in page.ids]
        expect(sorted(got) == sorted(wanted), expected=f"{sorted(wanted)} for {query}", got=got)
        empty = [number for number, page in enumerate(pages) if number and not page.items]
        expect(
            not empty, expected='no rel="next" on the last page', got=f"an empty page behind it for {query}"
        )
        for page in pages:
            expect(len(page.items) <= 2, expected="two tasks a page", got=len(page.items))
            for target in page.links.values():
                asked = dict(parse_qsl(target.partition("?")[2]))
                kept = {name: value for name, value in asked.items() if name != "cursor"}
                # What is asked for anyway may be left out, or said.
                differing = dict((query | kept).items() - kept.items())
                expect(
                    differing.items() <= {("deleted", "false")}, expected=f"a link with {query}", got=target
                )
    for item in mixed.member.page(limit="100").items:
        shown = as_object(mixed.member.get(f"{mixed.member.tasks}/{item.get('id')}"))
        expect(item == shown, expected=f"{shown} in the list", got=item)


def is_asked_for(task: Task, query: Mapping[str, str], deleted: set[str]) -> bool:
    owner = task.document["owner"]
    return (
        query.get("status") in {None, task.document["status"]}
        and query.get("owner") in {None, owner.get("id") if isinstance(owner, dict) else None}
        and (query.get("deleted") == "true") == (task.id in deleted)
    )


@when(
    "cursors are changed, made up, and used for other filters, sorts and organisations",
    target_fixture="bad_queries",
)
def cursors_are_changed_and_made_up(office: Office, world: World) -> list[tuple[str, Exchange]]:
    draw = world.draw
    ours, theirs = office.member("ADMIN"), office.member()
    for member in (ours, theirs):
        for due_at in draw.shuffle([None, "2031-05-06T07:08:09Z", "2031-05-06T07:08:09.125Z"]):
            member.create(due_at=due_at)
    sort = draw.choice(["created_at", "due_at", "-due_at"])
    base = {"sort": sort, "limit": "1"}
    cursor = cursor_of(ours, **base)
    other_sort = {"created_at": "due_at", "due_at": "-due_at", "-due_at": "due_at"}[sort]
    position = draw.integer(0, len(cursor) - 1)
    changed = "A" if cursor[position] != "A" else "B"
    made_up = [
        cursor[:position] + changed + cursor[position + 1 :],
        cursor[:-1],
        f"{cursor}A",
        f"{cursor}=",
        cursor.swapcase(),
        cursor[::-1],
        draw.text(len(cursor)),
        draw.word(),
        "",
        "\0",
        "é",
        str(draw.uuid()),
        str(draw.integer(0, 99)),
    ]
    queries = [(ours, base | {"cursor": text}) for text in made_up]
    for order in ("due_at", "created_at"):
        pages = ours.walk(sort=order, limit="1")
        cursors = [cursor_in(target) for page in pages for target in page.links.values()]
        queries += [(ours, {"sort": order, "limit": "1", "cursor": neighbour_of(text)}) for text in cursors]
    queries += [
        (ours, base | {"cursor": cursor, "sort": other_sort}),
        (ours, base | {"cursor": cursor, "status": "open"}),
        (ours, base | {"cursor": cursor, "owner": ours.user.id}),
        (ours, base | {"cursor": cursor, "deleted": "true"}),
        (ours, {"limit": "1", "cursor": cursor}),
        (theirs, base | {"cursor": cursor}),
        (ours, base | {"cursor": cursor_of(ours, status="open", **base)}),
        (ours, base | {"cursor": cursor_of(ours, owner=ours.user.id, **base)}),
    ]
    # The same list with another limit is the same list.
    again = ours.page(**(base | {"cursor": cursor, "limit": "2"})).ids
    expect(len(again) == 2, expected="the two other tasks, with another limit", got=again)
    return [("cursor", member.get(f"{member.tasks}?{urlencode(query)}")) for member, query in queries]


def cursor_of(member: Member, **query: str) -> str:
    return cursor_in(member.page(**query).link(FORWARD))


def cursor_in(target: str) -> str:
    cursor = dict(parse_qsl(target.partition("?")[2])).get("cursor", "")
    expect(bool(cursor), expected="a link with a cursor", got=target)
    return cursor


def neighbour_of(cursor: str) -> str:
    """Change the lowest bit of the last digit in base64, where a lenient decoder does not look."""
    digits = cursor.rstrip("=")
    changed = BASE64[BASE64.find(digits[-1]) ^ 1]
    return digits[:-1] + changed + "=" * (len(cursor) - len(digits))


@then("each is refused with 400, and names the parameter")
def each_is_refused_with_400(bad_queries: list[tuple[str, Exchange]]) -> None:
    rule = "a bad query is refused with 400, and errors[] names the parameter"
    for parameter, answer in bad_queries:
        got = parameters_of(answer, f"{rule}: {answer.asked}")
        expect(
            parameter in got,
            expected=f"the parameter {parameter}",
            got=f"{got} for {answer.asked}",
            rule=rule,
        )


@when("tasks at the edge of a page are deleted, and then all of them", target_fixture="edges")
def tasks_at_the_edge_of_a_page_are_deleted(
    office: Office, world: World
) -> tuple[list[str], list[str], Page, Page]:
    draw, member = world.draw, office.member("ADMIN")
    due = [None, "2031-05-06T07:08:09Z"]
    tasks = {task.id: task for task in (member.create(due_at=draw.choice(due)) for _ in range(9))}
    query = {"limit": "3", "sort": draw.choice(["due_at", "-due_at", "created_at", "-created_at"])}
    pages = member.walk(**query)
    got_pages = [len(page.ids) for page in pages]
    expect(got_pages == [3, 3, 3], expected="three pages of three tasks", got=got_pages)
    second, third = pages[1], pages[2]
    member.delete(tasks[pages[0].ids[-1]], "*")
    member.delete(tasks[second.ids[0]], "*")
    wanted = [*second.ids[1:], third.ids[0]]
    got = member.follow(pages[0].link(FORWARD)).ids
    for task_id in {*tasks} - {pages[0].ids[-1], second.ids[0]}:
        member.delete(tasks[task_id], "*")
    return wanted, got, member.follow(second.link(FORWARD)), member.follow(third.link(BACK))


@then("the next page begins where it would have, and at last is empty and leads nowhere")
def the_next_page_begins_where_it_would_have(edges: tuple[list[str], list[str], Page, Page]) -> None:
    wanted, got, forward, back = edges
    expect(got == wanted, expected=f"{wanted} behind a deleted task", got=got)
    expect(not forward.items and FORWARD not in forward.links, expected="an empty last page", got=forward)
    expect(not back.items and BACK not in back.links, expected="an empty first page", got=back)


@when("lists are asked for with unknown, repeated and misspelt parameters", target_fixture="bad_queries")
def lists_are_asked_for_with_bad_parameters(office: Office, world: World) -> list[tuple[str, Exchange]]:
    draw, member = world.draw, office.member()
    task = member.create()
    word = draw.word()
    limits = ["0", "-1", "101", "1e2", "1_0", "+3", "03", " 3", "3.0", "", "0x3", "٣", "9" * 31, "ten"]
    queries = [("limit", f"limit={quote(limit)}") for limit in limits]
    queries += [(name, f"{name}=1") for name in (word, "limt", "Limit", "offset", "page", "skip", "limit[]")]
    queries += [
        ("limit", "limit=1&limit=2"),
        ("limit", "limit=2&limit=2"),
        ("status", "status=open&status=open"),
        ("sort", f"sort={word}"),
        ("sort", "sort=title"),
        ("sort", "sort=due_at,created_at"),
        ("sort", "sort=due_at&sort=-due_at"),
        ("status", f"status={word}"),
        ("status", "status="),
        ("status", "status=OPEN"),
        ("owner", f"owner={word}"),
        ("owner", f"owner={member.user.id.upper()}"),
        ("deleted", "deleted=1"),
        ("deleted", "deleted=True"),
        ("deleted", "deleted"),
    ]
    found = [(name, member.get(f"{member.tasks}?{query}")) for name, query in draw.shuffle(queries)]
    return [*found, (word, member.get(f"{task.path}?{word}=1"))]


@then("a limit of one and of a hundred is obeyed, and without one a page has twenty")
def a_limit_of_one_and_of_a_hundred_is_obeyed(office: Office) -> None:
    member = office.member()
    for _ in range(21):
        member.create()
    for query, wanted in (({"limit": "1"}, 1), ({"limit": "100"}, 21), ({}, 20)):
        got = len(member.page(**query).items)
        expect(got == wanted, expected=f"{wanted} tasks for {query}", got=got)


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
