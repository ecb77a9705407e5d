"""Steps of keys.feature: Idempotency-Key."""

import json
import threading
from dataclasses import dataclass, field

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    Request,
    World,
    as_object,
    burst,
    expect,
    is_problem,
    wait_until,
    wait_until_ready,
    writers_held,
)

from .office import (
    BAD,
    CONFLICT,
    CREATED,
    INVALID,
    JSON_TYPE,
    MISSING,
    Member,
    Office,
    Task,
    created,
    in_doubt,
    same,
)
from .wire import at_once_everywhere

AT_ONCE = 50
LONGEST_KEY = 255
TTL_SECONDS = 1.0
CANDIDATES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'()*+-./:<=>?@[]^_`{|}~"

scenarios("keys.feature")


def key_of(world: World) -> str:
    return world.draw.text(world.draw.integer(8, 60), CANDIDATES)


def identical(answer: Exchange, first: Exchange, rule: str) -> None:
    """Demand the same answer: status, body, and where the task is in which version."""
    names = ("location", "etag", "content-type")
    wanted = (first.status, first.text, *(first.header(name) for name in names))
    got = (answer.status, answer.text, *(answer.header(name) for name in names))
    expect(got == wanted, expected=str(wanted), got=got, rule=rule, timing=in_doubt(answer))


@dataclass
class Replays:
    """A task's owner, the first answer, and those to the same create."""

    member: Member
    first: Exchange
    others: list[Exchange] = field(default_factory=list)


@when(
    "a create is sent again with its key, bare and quoted, after a change, elsewhere and after a release",
    target_fixture="replays",
)
def a_create_is_sent_again(office: Office, world: World) -> Replays:
    draw, member, key = world.draw, office.member(), key_of(world)
    if len(office.service.urls) == 1:
        office.service.add("web")
    body = member.body(notes=draw.word(), due_at="2031-05-06T07:08:09+02:00")
    spellings = draw.shuffle([key, f'"{key}"', f' "{key}" '.strip()])
    replays = Replays(member, member.post(body, {"Idempotency-Key": spellings[0]}))
    task = created(replays.first)
    turned = dict(reversed(body.items()))
    replays.others = [
        member.post(body, {"Idempotency-Key": spellings[1]}),
        member.post(turned, {"Idempotency-Key": spellings[2]}),
    ]
    member.patch(task, {"title": draw.word()}, "*")
    other = office.service.client(member.authorization, process=1)
    text = json.dumps(body, indent=3).encode()
    headers = JSON_TYPE | {"Idempotency-Key": spellings[1]}
    replays.others.append(other.request("POST", member.tasks, headers=headers, body=text))
    member.delete(task, "*")
    replays.others.append(member.post(body, {"Idempotency-Key": spellings[0]}))
    member.restore(task, "*")
    office.service.release()
    replays.others.append(member.post(body, {"Idempotency-Key": spellings[2]}))
    return replays


@then("all answers are the first one, and the list has one task")
def all_answers_are_the_first_one(replays: Replays) -> None:
    for answer in replays.others:
        identical(answer, replays.first, "a create that is sent again with its key gets the first answer")
    got = replays.member.page().ids
    expect(len(got) == 1, expected="one task", got=got)


@dataclass(frozen=True)
class Uses:
    """Tasks that had to be different ones, answers that had to be refused, and the list that shows it."""

    member: Member
    tasks: list[Task]
    refused: list[Exchange]
    listed: list[str]


@when(
    "a key is used by others, elsewhere, and for other bodies, after a first one was refused",
    target_fixture="uses",
)
def a_key_is_used_by_others(office: Office, world: World) -> Uses:
    draw, member, key = world.draw, office.member(), key_of(world)
    header = {"Idempotency-Key": draw.choice([key, f'"{key}"'])}
    body = member.body(notes=draw.word())
    for bad in draw.shuffle([{"title": None}, {"title": ""}, {"title": "x", "due_at": "never"}]):
        is_problem(member.post(bad, header), INVALID)
    is_problem(member.http.request("POST", member.tasks, headers=JSON_TYPE | header, body=b"{"), BAD)
    colleague = office.member("USER", member.organisation)
    elsewhere = office.organisation()
    office.admit(elsewhere, member.user, "USER")
    same_user = office.as_member(member.user, elsewhere)
    tasks = [created(who.post(body, header)) for who in (member, colleague, same_user)]
    tasks.append(created(member.post(body, {"Idempotency-Key": key.swapcase() + "x"})))
    tasks.append(created(member.post(body, {"Idempotency-Key": f"{key}-"})))
    tasks.append(created(member.post(body)))
    others = [
        body | {"title": f"{body['title']} "},
        body | {"notes": None},
        body | {"status": "done"},
        body | {"due_at": "2031-05-06T07:08:09Z"},
    ]
    refused = [member.post(other, header) for other in draw.shuffle(others)]
    return Uses(member, tasks, refused, member.page().ids)


@then("each caller and each organisation has a task of its own, and another body is refused with 422")
def each_caller_has_a_task_of_its_own(uses: Uses) -> None:
    ids = {task.id for task in uses.tasks}
    expect(len(ids) == len(uses.tasks), expected=f"{len(uses.tasks)} different tasks", got=ids)
    same(uses.refused, INVALID, "a key that was used for another body is refused with 422")
    for answer in uses.refused:
        documented(answer)
    wanted = {task.id for task in uses.tasks if task.path.startswith(uses.member.tasks)}
    expect(set(uses.listed) == wanted, expected=f"{len(wanted)} tasks in the list", got=uses.listed)


def documented(answer: Exchange) -> None:
    link = answer.header("link") or ""
    rule = "what is refused for its key links to documentation"
    wanted = f'Link: <…>; rel="describedby" with the {answer.status}'
    expect('rel="describedby"' in link, expected=wanted, got=link, rule=rule, answer=answer)


@when(
    "creates are sent with keys that are empty, too long, not quoted well, and two at once",
    target_fixture="malformed",
)
def creates_are_sent_with_keys_that_are_none(
    office: Office, world: World
) -> tuple[Member, list[Exchange], list[Task]]:
    draw, member = world.draw, office.member()
    word = draw.word()
    longest = draw.text(LONGEST_KEY, CANDIDATES)
    malformed = [
        '""',
        "",
        f'"{word}',
        f'{word}" "',
        f'"{word}" {word}',
        f'"{word}',
        f"{longest}x",
        f'"{longest}x"',
    ]
    malformed += [f"é{word}", f'"{word}\\{word}"', f'"{word}"; a=1', f'"{word}", "{word}"', f"{word} {word}"]
    answers = [member.post(member.body(), {"Idempotency-Key": key}) for key in draw.shuffle(malformed)]
    for second in (word, draw.word()):
        twice = [("Idempotency-Key", key) for key in (word, second)] + [*JSON_TYPE.items()]
        answers.append(member.in_lines("POST", member.tasks, *twice, body=json.dumps(member.body()).encode()))
    listed = member.page().ids
    expect(not listed, expected="an empty list", got=listed, rule="what was refused makes nothing")
    body = member.body()
    tasks = [created(member.post(body, {"Idempotency-Key": key})) for key in (longest, f'"{longest}"')]
    return member, answers, tasks


@then("each is refused with 400, and one of the greatest length is used")
def each_key_is_refused_with_400(malformed: tuple[Member, list[Exchange], list[Task]]) -> None:
    _, answers, tasks = malformed
    for answer in answers:
        is_problem(answer, BAD, "a key is 1 to 255 characters, bare or one string; else it gets 400")
        documented(answer)
    expect(tasks[0] == tasks[1], expected="one task for a key of the greatest length", got=tasks)


@when("a create is sent fifty times at the same instant with the same key", target_fixture="together")
def a_create_is_sent_fifty_times(office: Office, world: World) -> tuple[Member, list[Exchange]]:
    member, key = office.member(), key_of(world)
    headers = JSON_TYPE | member.authorization | {"Idempotency-Key": key}
    requests = [Request("POST", member.tasks, headers, json.dumps(member.body()).encode())] * (AT_ONCE // 2)
    return member, at_once_everywhere(office.service, requests)


@then("the list has it once, and the others got its 201 or a 409 that says when to come again")
def the_list_has_it_once(together: tuple[Member, list[Exchange]]) -> None:
    member, answers = together
    got = member.page().ids
    expect(len(got) == 1, expected="one task", got=got, exchanges=answers)
    for answer in answers:
        if answer.status == CREATED:
            made = as_object(answer).get("id")
            expect(made == got[0], expected=f"201 with {got[0]}", got=made)
            continue
        if in_doubt(answer):
            raise Inconclusive("the machine was too busy for fifty creates at once")
        is_problem(answer, CONFLICT, "while the first is under way the others get its 201, or 409")
        documented(answer)
        after = answer.header("retry-after") or ""
        expect(after.isdigit() and int(after) > 0, expected="Retry-After, in seconds", got=after)


@dataclass(frozen=True)
class Killed:
    """What was acknowledged before, and what became of the create whose process was killed."""

    member: Member
    before: Task
    answer: Exchange


@when(
    "a process is killed while it makes a task, and the create is sent again to the next",
    target_fixture="killed",
)
def a_process_is_killed_while_it_makes_a_task(office: Office, world: World) -> Killed:
    member, key = office.member(), key_of(world)
    before, web = member.create(), office.service.web
    body = json.dumps(member.body()).encode()
    headers = JSON_TYPE | member.authorization | {"Idempotency-Key": key}
    request = Request("POST", member.tasks, headers, body)
    sender = threading.Thread(target=burst, args=(office.service.urls[0], [request]))
    with writers_held(office.service.postgres) as onlooker:
        sender.start()
        held = onlooker.wait_for(1, patience_seconds=1.2)
        web.kill()
    sender.join()
    office.service.release()
    web.restart()
    wait_until_ready(web)
    if not held:
        raise Inconclusive("the create was not seen to wait")
    answer = office.stranger().request("POST", member.tasks, headers=headers, body=body)
    return Killed(member, before, answer)


@then("it succeeds at once, and the list has it once")
def it_succeeds_at_once(killed: Killed) -> None:
    made = created(killed.answer)
    got = killed.member.page().ids
    expect(sorted(got) == sorted([made.id, killed.before.id]), expected="two tasks", got=got)


@then("what was acknowledged before is there")
def what_was_acknowledged_before_is_there(killed: Killed) -> None:
    shown = killed.member.show(killed.before)
    expect(shown == killed.before, expected=str(killed.before), got=shown)


@when("a create is sent with a key, again, and when the second is over", target_fixture="replays")
def a_create_is_sent_when_the_second_is_over(office: Office, world: World) -> Replays:
    member, key, body = office.member(), key_of(world), office.member().body()
    replays = Replays(member, member.post(body, {"Idempotency-Key": key}))
    wait_until(replays.first.sent + 0.5 * TTL_SECONDS)
    replays.others.append(member.post(body, {"Idempotency-Key": key}))
    if replays.others[0].received - replays.first.sent > TTL_SECONDS:
        raise Inconclusive("the machine was too slow for two creates within a second")
    wait_until(replays.first.received + TTL_SECONDS + 0.1)
    replays.others.append(member.post(body, {"Idempotency-Key": key}))
    return replays


@then("the second answer is the first one, and the third is another task")
def the_second_answer_is_the_first_one(replays: Replays) -> None:
    again, later = replays.others
    identical(again, replays.first, "a key is remembered for IDEMPOTENCY_TTL_SECONDS")
    ids = [created(answer).id for answer in (replays.first, later)]
    expect(ids[0] != ids[1], expected="another task when its time is over", got=ids)


@when("a create is sent again by somebody who is no member any more", target_fixture="lost")
def a_create_is_sent_again_by_somebody(office: Office, world: World) -> tuple[Exchange, Exchange, Exchange]:
    member, header = office.member(), {"Idempotency-Key": key_of(world)}
    body = member.body()
    first = member.post(body, header)
    office.expel(member)
    without = member.post(body, header)
    office.admit(member.organisation, member.user, "USER")
    return first, without, member.post(body, header)


@then("the answer is a 404, and for a member again it is the first one")
def the_answer_is_a_404(lost: tuple[Exchange, Exchange, Exchange]) -> None:
    first, without, again = lost
    is_problem(without, MISSING, "who has lost access gets 404, whatever the key")
    identical(again, first, "a create that is sent again with its key gets the first answer")
