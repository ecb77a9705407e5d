"""Steps of learners.feature."""

from urllib.parse import urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Service,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    send_raw,
)

from .academy import (
    ACCEPTED,
    CONFLICT,
    CREATED,
    FORBIDDEN,
    INVALID,
    LEARNERS,
    LEVELS,
    NOT_FOUND,
    OK,
    PROGRESS,
    RECEIPTS,
    RUNS,
    UNAUTHORIZED,
    Academy,
    Learner,
    Local,
)
from .catalogue import Level, Track

scenarios("learners.feature")


@when(
    "somebody else of the class asks for the learner's runs, and somebody without a token for anything",
    target_fixture="answers",
)
def somebody_else_asks(learner: Learner, track: Track) -> list[Exchange]:
    academy = learner.academy
    learner.completes(track.levels[0])
    run = learner.runs()[0]["id"]
    other = academy.learner()
    progress = other.progress()[track.levels[0].id]
    expect(progress.get("status") == "IN_PROGRESS", expected="progress of one's own", got=progress)
    expect(not other.runs(), expected="no runs of others in the list", got=other.runs())
    for method, path in (
        ("GET", f"{RUNS}/{run}"),
        ("DELETE", f"{RUNS}/{run}"),
        ("GET", f"{RUNS}/{run}/events"),
    ):
        is_problem(other.client().request(method, path), NOT_FOUND)
    nobody_else_cancels(learner, other, track.levels[0])
    foreign = other.ask(track.levels[0], learner.solution().path)
    is_problem(foreign, INVALID, "a folder of another learner is none that can be judged")
    return without_tokens(academy, learner, f"{run}")


def nobody_else_cancels(learner: Learner, other: Learner, level: Level) -> None:
    running = f"{RUNS}/{learner.start(level, learner.solution({str(level.step): [[['wait', 'never']]]}))}"
    is_problem(other.client().request("DELETE", running), NOT_FOUND)
    answer = learner.client().request("DELETE", running)
    got = f"{describe_answer(answer)} {answer.text[:300]}"
    expect(answer.status == ACCEPTED, expected="202 for the learner's own cancel, and not sooner", got=got)


def without_tokens(academy: Academy, learner: Learner, run: str) -> list[Exchange]:
    """Ask for everything with what is no token, or one with a character more or less."""
    token = learner.token
    fields = [
        {},
        {"Authorization": f"Bearer {token[:-1]}"},
        {"Authorization": f"Bearer {token}0"},
        {"Authorization": f"Bearer {token.swapcase()}"},
        {"Authorization": f"Basic {token}"},
        {"Authorization": token},
    ]
    paths = [LEVELS, PROGRESS, RUNS, f"{RUNS}/{run}", f"{RUNS}/{run}/events", LEARNERS]
    draw = academy.draw
    answers = [academy.service.client(draw.choice(fields)).get(path) for path in paths]
    answers += [academy.service.client(field).get(draw.choice(paths)) for field in fields]
    return [*answers, academy.service.client().request("POST", RUNS, json={"level_id": "x", "dir": "/"})]


@then("the runs are not found, and without a token that is known nothing is answered")
def the_runs_are_not_found(answers: list[Exchange], academy: Academy, learner: Learner) -> None:
    for answer in answers:
        is_problem(answer, UNAUTHORIZED)
        scheme = (answer.header("www-authenticate") or "").partition(" ")[0]
        expect(scheme == "Bearer", expected="WWW-Authenticate: Bearer", got=scheme, answer=answer)
    for path in (PROGRESS, RUNS):
        is_problem(academy.operator.get(path), FORBIDDEN)
    for method in ("GET", "POST"):
        is_problem(learner.client().request(method, LEARNERS, json={"name": "another"}), FORBIDDEN)


@when(
    "learners are added with names that are taken, and with names that are none",
    target_fixture="added",
)
def learners_are_added(academy: Academy) -> list[Learner]:
    added = [academy.learner() for _ in range(2)]
    again = academy.operator.request("POST", LEARNERS, json={"name": added[0].name})
    is_problem(again, CONFLICT)
    bad = ["", "local", "Upper", "with blank", "../up", "-first", "ä", "a" * 65, 7, None]
    for name in academy.draw.shuffle(bad)[:6]:
        wanted = CONFLICT if name == "local" else INVALID
        is_problem(
            academy.operator.request("POST", LEARNERS, json={"name": name}), wanted, f"the name {name!r}"
        )
    longest = academy.draw.word() + "z" * 64
    answer = academy.operator.request("POST", LEARNERS, json={"name": longest[:64]})
    expect(answer.status == CREATED, expected="201 for a name of 64 characters", got=describe_answer(answer))
    return added


@then("they are refused, and the list of the class has each of the others once")
def they_are_refused(added: list[Learner], academy: Academy) -> None:
    level = academy.tracks[0].levels[0]
    added[0].completes(level)
    answer = academy.operator.get(LEARNERS)
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    items = as_object(answer).get("items")
    shown = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    for learner, completed in zip(added, (1, 0), strict=True):
        mine = [item for item in shown if item.get("name") == learner.name]
        expect(len(mine) == 1, expected=f"{learner.name} once", got=len(mine))
        got = mine[0].get("completed")
        expect(got == completed, expected=f"{completed} completed by {learner.name}", got=got)
        expect(learner.token not in answer.text, expected="no token in the list", got="one")
    names = [str(item.get("name")) for item in shown]
    expect(names == sorted(names), expected="the class by name", got=names)
    expect("local" not in names, expected="nobody without a token in the class", got=names)


@when("it is asked without a token, by its address and by foreign names", target_fixture="answers")
def it_is_asked_without_a_token(local: Local, world: World) -> list[tuple[int, Exchange]]:
    client = local.service.client({"Authorization": f"Bearer {world.draw.word()}"})
    for asked in (local.service.client(), client):
        answer = asked.get(PROGRESS)
        expect(answer.status == OK, expected="200 without an account", got=describe_answer(answer))
        items = as_object(answer).get("items")
        count = len(items) if isinstance(items, list) else 0
        level_count = sum(len(track.levels) for track in local.tracks)
        expect(count == level_count, expected=f"{level_count} levels", got=count)
    is_problem(client.get(LEARNERS), FORBIDDEN)
    is_problem(client.request("POST", LEARNERS, json={"name": world.draw.word()}), FORBIDDEN)
    port = urlsplit(local.service.urls[0]).port
    hosts = {
        f"localhost:{port}": OK,
        f"LocalHost:{port}": OK,
        f"[::1]:{port}": OK,
        f"{world.draw.word()}.example:{port}": FORBIDDEN,
        f"127.0.0.1.{world.draw.word()}.example": FORBIDDEN,
        f"localhost.{world.draw.word()}.example:{port}": FORBIDDEN,
        f"{world.draw.word()}localhost:{port}": FORBIDDEN,
    }
    public = f"{RECEIPTS}/{world.draw.uuid()}"
    foreign = ask_by_name(local.service, f"{world.draw.word()}.example", public)
    named = [(wanted, ask_by_name(local.service, host)) for host, wanted in hosts.items()]
    return [*named, (FORBIDDEN, foreign)]


def ask_by_name(service: Service, host: str, path: str = PROGRESS) -> Exchange:
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    return send_raw(service.urls[0], request.encode())


@then("the learner has progress, and a foreign name gets 403")
def the_learner_has_progress(answers: list[tuple[int, Exchange]]) -> None:
    for wanted, answer in answers:
        expect(answer.status == wanted, expected=f"{wanted}", got=describe_answer(answer))
