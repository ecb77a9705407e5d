"""Steps of lists.feature: pages, filters, cursors."""

from itertools import batched
from urllib.parse import quote

from pytest_bdd import given, scenarios, then, when

from kata.steps import Exchange, World, as_object, describe_answer, expect, is_problem

from .agenda import CREATED, OK, REMINDERS, Agenda, Reminder, create_request

LARGEST_PAGE = 100
# An item may leave `attempts` out.
LISTED = ("id", "message", "callback_url", "remind_at", "state", "attempt_count")

scenarios("lists.feature")


@given("several reminders", target_fixture="reminders")
def several_reminders(agenda: Agenda, world: World) -> list[Reminder]:
    return [agenda.later() for _ in range(world.draw.integer(9, 13))]


@when("they are listed page by page, and others come and go between the pages", target_fixture="met")
def they_are_listed_page_by_page(agenda: Agenda, world: World, reminders: list[Reminder]) -> list[object]:
    limit = world.draw.integer(1, 4)
    query = world.draw.choice([{"state": "scheduled"}, {}])
    met: list[object] = []
    cursor = ""
    while not met or cursor:
        page, cursor = agenda.page(limit, cursor, **query)
        met += [item.get("id") for item in page]
        if len({reminder.id for reminder in reminders}.intersection(map(str, met))) == len(reminders):
            break  # what lies behind them is others'
        gone = next(
            (reminder for reminder in reminders if reminder.id in met and not reminder.cancelled), None
        )
        if gone is not None:
            gone.cancelled = agenda.cancel(gone)
        # Two come where one goes, so that a counted offset is wrong at whichever end they come.
        for _ in range(2):
            agenda.later()
    return met


@then("each that stayed was met exactly once")
def each_that_stayed_was_met_exactly_once(reminders: list[Reminder], met: list[object]) -> None:
    for number, reminder in enumerate(reminders, start=1):
        times = met.count(reminder.id)
        expect(
            times == 1,
            expected=f"reminder {number} of {len(reminders)} once in the walk",
            got=f"{times} times",
        )


@given("several reminders, some of them cancelled", target_fixture="reminders")
def several_reminders_some_of_them_cancelled(agenda: Agenda, world: World) -> list[Reminder]:
    reminders = [agenda.later() for _ in range(6)]
    for reminder in world.draw.shuffle(reminders)[: world.draw.integer(2, 4)]:
        reminder.cancelled = agenda.cancel(reminder)
    return reminders


@then("the cancelled ones are listed as cancelled, the others as scheduled, and none as both")
def the_cancelled_ones_are_listed_as_cancelled(agenda: Agenda, reminders: list[Reminder]) -> None:
    ids = {reminder.id for reminder in reminders}
    gone = {reminder.id for reminder in reminders if reminder.cancelled}
    for state, wanted in (("cancelled", gone), ("scheduled", ids - gone), ("dead", set[str]())):
        items = agenda.listed(50, state=state)
        strangers = {str(item.get("state")) for item in items} - {state}
        expect(not strangers, expected=f"only {state} ones", got=strangers)
        found = {str(item.get("id")) for item in items} & ids
        expect(found == wanted, expected=f"{state}: {sorted(wanted)}", got=sorted(found))


@then("each is listed as it is shown")
def each_is_listed_as_it_is_shown(agenda: Agenda, reminders: list[Reminder]) -> None:
    items = {item.get("id"): item for item in agenda.listed(100)}
    for reminder in reminders:
        shown, listed = agenda.show(reminder), items.get(reminder.id, {})
        wanted, got = ({name: document.get(name) for name in LISTED} for document in (shown, listed))
        expect(got == wanted, expected=str(wanted), got=got, rule="an item of the list is the reminder")


@given("101 reminders")
def there_are_101_reminders(agenda: Agenda) -> None:
    requests = [create_request(agenda.body(agenda.far_away(), 7200)) for _ in range(LARGEST_PAGE + 1)]
    for some in batched(requests, 5, strict=False):
        for answer in agenda.burst(some):
            rule = "a reminder in order is answered with 201"
            expect(
                answer.status == CREATED, expected="201", got=describe_answer(answer), rule=rule, timing=True
            )


@when("pages are asked for, of exactly 100, of more, and without a limit", target_fixture="pages")
def pages_are_asked_for(agenda: Agenda) -> dict[str, Exchange]:
    queries = [f"?limit={limit}" for limit in (LARGEST_PAGE, LARGEST_PAGE + 1, 1000)]
    return {query: agenda.http.get(f"{REMINDERS}{query}") for query in (*queries, "")}


@then("none has more than 100 reminders, and only those of more than 100 may be refused")
def none_has_more_than_100_reminders(pages: dict[str, Exchange]) -> None:
    rule = f"a page has at most {LARGEST_PAGE} reminders"
    for query, answer in pages.items():
        may_be_refused = query not in {f"?limit={LARGEST_PAGE}", ""}
        if answer.status != OK and may_be_refused:
            refused_as_problem(answer, rule)
            continue
        expect(answer.status == OK, expected=f"200 for {query!r}", got=describe_answer(answer), rule=rule)
        items = as_object(answer, rule).get("items")
        count = len(items) if isinstance(items, list) else None
        fits = count is not None and count <= LARGEST_PAGE
        expect(fits, expected=f"at most {LARGEST_PAGE} items for {query!r}", got=count, rule=rule)


@when(
    "the list is asked with made-up cursors, with bad limits and with unknown states",
    target_fixture="answers",
)
def the_list_is_asked_with_made_up_cursors(agenda: Agenda, world: World) -> list[Exchange]:
    word = world.draw.word()
    for _ in range(2):
        agenda.later()
    _, cursor = agenda.page(1, "")
    cursors = ["", f"{word}!", f"{cursor}!", cursor[:-1], cursor + cursor]
    queries = [
        *(f"limit=1&cursor={quote(bad)}" for bad in cursors),
        *(f"limit={bad}" for bad in (word, "0", "-1", "1.5", "1e1", "0x2")),
        *(f"state={bad}" for bad in (word, "SCHEDULED", "scheduled,cancelled", "1")),
    ]
    return [agenda.http.get(f"{REMINDERS}?{query}") for query in queries]


@then("each answer is a problem with a 4xx status")
def each_answer_is_a_problem_with_a_4xx_status(answers: list[Exchange]) -> None:
    for answer in answers:
        refused_as_problem(answer, "a query that means nothing is refused")


def refused_as_problem(answer: Exchange, rule: str) -> None:
    """Demand a problem with some 4xx."""
    expect(400 <= answer.status < 500, expected="a 4xx", got=describe_answer(answer), rule=rule)
    is_problem(answer, answer.status, rule)
