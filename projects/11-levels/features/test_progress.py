"""Steps of progress.feature."""

import json
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Client,
    Exchange,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .academy import LEVELS, NOT_FOUND, OK, PROGRESS, RUNS, UNAVAILABLE, Academy, Learner
from .catalogue import VERIFIER, Track, drawn_catalogue
from .solutions import POLL_SECONDS, Json

ANSWER_SECONDS, BACK_SECONDS = 3.0, 5.0

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
