"""Steps of lists.feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl

from pytest_bdd import given, scenarios, then, when

from kata.steps import World, as_object, expect

from .office import Json, Member, Office, Page, Task, User

MANY, NONE, SOME = 40, 11, 6
DEEP, SHOWN = 125, 5
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
