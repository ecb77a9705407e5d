"""Steps of progress.feature."""

import json
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Client,
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
    INVALID,
    LEARNERS,
    LEVELS,
    NOT_FOUND,
    OK,
    POLL_SECONDS,
    PROGRESS,
    RECEIPTS,
    RUNS,
    VERIFIER,
    Academy,
    Json,
    Learner,
    Level,
    Track,
    drawn_catalogue,
    tracks_of,
    verifier_settings,
)

ANSWER_SECONDS, BACK_SECONDS = 3.0, 5.0
UNAUTHORIZED, FORBIDDEN, UNAVAILABLE = 401, 403, 503

NOT_YET: Json = {
    "completed_at": None,
    "verified_at": None,
    "verified_against": None,
    "trust": None,
    "stale": False,
}

scenarios("progress.feature")


@when("the levels are asked for", target_fixture="answer")
def the_levels_are_asked_for(learner: Learner) -> Exchange:
    return learner.client().get(LEVELS)


@then("they are those of the verifier, in its order")
def they_are_those_of_the_verifier(answer: Exchange, academy: Academy) -> None:
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    got = as_object(answer).get("tracks")
    wanted = [
        {name: it for name, it in track.document.items() if name != "project"} for track in academy.tracks
    ]
    found = [{name: track.get(name) for name in wanted[0]} for track in got] if isinstance(got, list) else got
    expect(found == wanted, expected=json.dumps(wanted), got=answer.text[:1500])


@when("the progress of somebody new is asked for", target_fixture="progress")
def the_progress_of_somebody_new_is_asked_for(learner: Learner) -> Json:
    answer = learner.client().get(PROGRESS)
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    return as_object(answer)


@then("the lowest level of each track is IN_PROGRESS, and all others are LOCKED")
def the_lowest_level_of_each_track_is_in_progress(progress: Json, academy: Academy, learner: Learner) -> None:
    wanted = [
        {"level_id": level.id, "track_id": track.document["id"], "status": status, **NOT_YET}
        for track in academy.tracks
        for level, status in zip(track.levels, ["IN_PROGRESS", *["LOCKED"] * 9], strict=False)
    ]
    items = progress.get("items")
    shown = [dict(item) for item in items] if isinstance(items, list) else []
    users = {str(item.pop("user_id", None)) for item in shown}
    expect(shown == wanted, expected=f"{wanted}", got=shown)
    expect(users == {str(progress.get("user_id"))}, expected="one user_id", got=users)
    expect(progress.get("name") == learner.name, expected=learner.name, got=progress.get("name"))
    for item in wanted:
        answer = learner.client().get(f"{PROGRESS}/{item['level_id']}")
        one = {name: it for name, it in as_object(answer).items() if name != "user_id"}
        expect(one == item, expected=f"{item} alone, too", got=answer.text[:300])
    is_problem(learner.client().get(f"{PROGRESS}/{academy.draw.word()}"), NOT_FOUND)


@when("progress is written to, in all ways that HTTP has", target_fixture="answers")
def progress_is_written_to(learner: Learner, track: Track) -> list[Exchange]:
    level = learner.academy.draw.choice(track.levels)
    body = {
        "user_id": "0",
        "level_id": level.id,
        "status": "COMPLETED",
        "completed_at": "2026-01-01T00:00:00Z",
    }
    return [
        learner.client().request(method, path, json=body)
        for method in ("PUT", "PATCH", "DELETE", "POST")
        for path in (PROGRESS, f"{PROGRESS}/{level.id}")
    ]


@then("each answer is a problem with status 405, and Allow names what may be done")
def each_answer_is_a_problem_with_status_405(answers: list[Exchange]) -> None:
    for answer in answers:
        is_problem(answer, 405)
        allowed = {word.strip() for word in (answer.header("allow") or "").split(",")}
        right = "GET" in allowed and not allowed & {"PUT", "PATCH", "DELETE", "POST"}
        expect(
            right, expected="Allow with GET, and without any method that writes", got=answer.header("allow")
        )


@then("the progress is what it was")
def the_progress_is_what_it_was(learner: Learner, track: Track) -> None:
    got = learner.statuses(track)
    wanted = ["IN_PROGRESS", *["LOCKED"] * (len(track.levels) - 1)]
    expect(got == wanted, expected=f"{wanted}", got=got)


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


@dataclass(frozen=True)
class Local:
    """A service without OPERATOR_TOKEN."""

    service: Service
    level_count: int


@given("a service on the learner's own machine", target_fixture="local")
def a_service_on_the_learners_own_machine(world: World) -> Local:
    levels = sum(len(track.levels) for track in tracks_of(drawn_catalogue(world)))
    return Local(world.start(verifier_settings(world)), levels)


@when("it is asked without a token, by its address and by foreign names", target_fixture="answers")
def it_is_asked_without_a_token(local: Local, world: World) -> list[tuple[int, Exchange]]:
    client = local.service.client({"Authorization": f"Bearer {world.draw.word()}"})
    for asked in (local.service.client(), client):
        answer = asked.get(PROGRESS)
        expect(answer.status == OK, expected="200 without an account", got=describe_answer(answer))
        items = as_object(answer).get("items")
        count = len(items) if isinstance(items, list) else 0
        expect(count == local.level_count, expected=f"{local.level_count} levels", got=count)
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


@dataclass(frozen=True)
class Mute:
    """A service whose verifier lists what stands in a file."""

    client: Client
    catalogue: Path
    listed: str


@given("a service whose verifier lists nothing", target_fixture="mute")
def a_service_whose_verifier_lists_nothing(world: World) -> Mute:
    listed = json.dumps(drawn_catalogue(world))
    folder = world.folder(f"mute-{world.draw.word()}")
    catalogue = folder / "catalogue.json"
    # It never answers, until there is something to be listed.
    waits = f'until test -e {catalogue}; do sleep 0.1; done; exec "$@"'
    command = shlex.join(["sh", "-c", waits, "sh", sys.executable, "-S", str(VERIFIER), str(catalogue)])
    service = world.start_alone({"VERIFIER": command, "SOLUTIONS_DIR": str(folder)})
    return Mute(service.client(), catalogue, listed)


def no_catalogues(listed: str) -> list[str]:
    """Return what is listed in vain."""
    twice, stepless, nameless = (json.loads(listed) for _ in range(3))
    twice["tracks"].append(json.loads(listed)["tracks"][0] | {"levels": []})
    twice["tracks"][-1]["levels"].append(twice["tracks"][0]["levels"][0] | {"id": "another"})
    del stepless["tracks"][0]["levels"][0]["step"]
    nameless["tracks"][0]["levels"][0]["id"] = "a level"
    documents = [{}, [1, 2], {"tracks": [{}]}, twice, stepless, nameless]
    return ["no JSON", "[" * 100_000, *map(json.dumps, documents)]


@when("the levels are asked for, before the verifier is mended and after", target_fixture="answers")
def the_levels_are_asked_for_before_and_after(mute: Mute, world: World) -> list[Exchange]:
    ready = mute.client.get("/ready")
    expect(ready.status == OK, expected="200 from /ready", got=describe_answer(ready))
    body = {"level_id": "x", "dir": "/"}
    before = [mute.client.get(LEVELS)]
    expect(mute.client.get(RUNS).status == OK, expected="200 for the list of runs", got="another")
    for text in world.draw.shuffle(no_catalogues(mute.listed)):
        mute.catalogue.write_text(text)
        before.append(mute.client.get(LEVELS))
    before += [mute.client.get(PROGRESS), mute.client.request("POST", RUNS, json=body)]
    mute.catalogue.write_text(mute.listed)
    deadline = time.monotonic() + BACK_SECONDS
    while (after := mute.client.get(LEVELS)).status != OK and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return [*before, after]


@then("they are 503, and then there")
def they_are_503_and_then_there(answers: list[Exchange]) -> None:
    *before, after = answers
    for answer in before:
        is_problem(answer, UNAVAILABLE)
        took = answer.received - answer.sent
        expect(
            took <= ANSWER_SECONDS, expected=f"within {ANSWER_SECONDS:g} s", got=f"{took:.2f} s", timing=True
        )
        expect(answer.header("retry-after") is not None, expected="Retry-After", got="none", answer=answer)
    expect(after.status == OK, expected="200 when the verifier lists", got=describe_answer(after))
