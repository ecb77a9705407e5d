"""Steps of cursors.feature."""

import string
from urllib.parse import parse_qsl, quote, urlencode

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, expect

from .office import Member, Office, Page, parameters_of

MANY, NONE, SOME = 40, 11, 6
DEEP, SHOWN = 125, 5
BASE64 = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}-_"
FORWARD, BACK = "next", "prev"

scenarios("cursors.feature")


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
