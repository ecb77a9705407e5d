"""Steps of live.feature."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Stream, describe_answer, describe_stop, expect

from .academy import NO_CONTENT, OK, RUNS, Learner
from .catalogue import Track
from .solutions import Actions, Json, Solution, good

LIVE_SECONDS = 1.0
STOP_SECONDS = 10.0

scenarios("live.feature")


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    id: str
    name: str
    data: Json


class Following:
    """Reads the events of a run."""

    def __init__(
        self,
        learner: Learner,
        run: str,
        last_id: str | None = None,
        process: int = 0,
        timeout_seconds: float = 8.0,
    ) -> None:
        headers = learner.headers | {"content-length": "0", "accept": "text/event-stream"}
        if last_id is not None:
            headers["last-event-id"] = last_id
        url = learner.academy.service.urls[process]
        path = f"{RUNS}/{run}/events"
        self.stream = Stream(url, path, headers, method="GET", timeout_seconds=timeout_seconds)
        self.stream.end()

    def __iter__(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        while (line := self.stream.line()) is not None:
            name, _, value = line.decode().partition(": ")
            if line and not line.startswith(b":"):
                fields[name] = value
            elif not line and fields.keys() & {"event", "data"}:
                yield Event(
                    fields.get("id", ""), fields.get("event", ""), json.loads(fields.get("data", "{}"))
                )
                fields = {}
            elif not line:
                fields = {}

    def close(self) -> None:
        self.stream.close()


def gated(learner: Learner, track: Track) -> tuple[Solution, str]:
    """Start a run whose checks each wait for a gate of their own."""
    level = track.levels[0]
    start, *rest = good(level.checks)
    actions: Actions = [start]
    for index, action in enumerate(rest):
        actions += [["wait", f"gate-{index}"], action]
    solution = learner.solution({str(level.step): [actions]})
    return solution, learner.start(level, solution)


def names_of(level_checks: int) -> list[str]:
    return ["state", "state", "level", *["check"] * level_checks, "verdict", "end"]


@dataclass(frozen=True)
class Followed:
    """What a follower has got, and how long after it could have."""

    run: str
    events: list[Event]
    late_seconds: list[float]
    answer: Exchange


@when("a run is followed from its beginning", target_fixture="followed")
def a_run_is_followed(learner: Learner, track: Track) -> Followed:
    solution, run = gated(learner, track)
    following = Following(learner, run)
    events: list[Event] = []
    late = []
    opened_at, gates = time.monotonic(), 0
    for event in following:
        events.append(event)
        if event.name in {"level", "check"}:
            late.append(time.monotonic() - opened_at if event.name == "check" else 0.0)
            solution.open(f"gate-{gates}")
            gates += 1
            opened_at = time.monotonic()
            if gates == len(track.levels[0].checks) + 1:
                solution.open(f"gate-{gates}")
    return Followed(run, events, late, following.stream.answer())


@then("each event comes when it has happened, and the last is the end")
def each_event_comes_when_it_has_happened(followed: Followed, learner: Learner, track: Track) -> None:
    expect(followed.answer.status == OK, expected="200", got=describe_answer(followed.answer))
    kind = (followed.answer.header("content-type") or "").partition(";")[0]
    expect(kind == "text/event-stream", expected="text/event-stream", got=kind)
    for name, wanted in (("cache-control", "no-store"), ("x-accel-buffering", "no")):
        got = followed.answer.header(name)
        expect(got == wanted, expected=f"{name}: {wanted}", got=got)
    checks = track.levels[0].checks
    names = [event.name for event in followed.events]
    expect(names == names_of(len(checks)), expected=f"{names_of(len(checks))}", got=names)
    ids = [event.id for event in followed.events]
    expect(ids == [str(number) for number in range(1, len(ids) + 1)], expected="ids from 1 on", got=ids)
    states = [event.data.get("state") for event in followed.events if event.name == "state"]
    expect(states == ["queued", "running"], expected="queued, then running", got=states)
    judged = [event.data.get("id") for event in followed.events if event.name == "check"]
    expect(judged == checks, expected=f"the checks {checks}", got=judged)
    end = followed.events[-1].data
    expect(end.get("state") == "passed", expected="passed at the end", got=end)
    for event in followed.events:
        moment = str(event.data.get("at"))
        right = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", moment) is not None
        expect(right, expected="at, a moment in UTC", got=moment)
    worst = max(followed.late_seconds)
    expect(
        worst <= LIVE_SECONDS, expected=f"each within {LIVE_SECONDS:g} s", got=f"{worst:.2f} s", timing=True
    )
    state = learner.show(followed.run).get("state")
    expect(state == "passed", expected="passed when the end has come", got=state)


@then("who comes back with the last id gets 204")
def who_comes_back_gets_204(followed: Followed, learner: Learner) -> None:
    client = learner.client()
    path = f"{RUNS}/{followed.run}/events"
    last = len(followed.events)
    answer = client.get(path, headers={"Last-Event-ID": str(last)})
    expect(answer.status == NO_CONTENT, expected="204", got=describe_answer(answer))
    before = client.get(path, headers={"Last-Event-ID": str(last - 1)})
    expect(before.status == OK, expected="200 for the id before", got=describe_answer(before))
    expect(
        before.text.count("\nid: ") + before.text.startswith("id: ") == 1,
        expected="one event",
        got=before.text,
    )
    all_again = client.get(path)
    count = len(re.findall(r"^id: ", all_again.text, re.MULTILINE))
    expect(count == last, expected=f"{last} events without an id", got=count)


@dataclass(frozen=True)
class CutOff:
    """What a follower has got over several connections."""

    run: str
    got: list[list[Event]]


@when("a run is followed by many who are cut off again and again", target_fixture="cut_off")
def a_run_is_followed_by_many(learner: Learner, track: Track) -> CutOff:
    draw = learner.academy.draw
    solution, run = gated(learner, track)
    solution.wait_for_calls(1)
    got: list[list[Event]] = [[] for _ in range(4)]
    followers = [Following(learner, run, process=number % 2) for number in range(4)]
    streams = [iter(one) for one in followers]
    gates = len(track.levels[0].checks) + 1
    for gate in range(gates):
        solution.open(f"gate-{gate}")
        for number in range(4):
            for _ in range(draw.integer(0, 1) if gate < gates - 1 else 0):
                got[number].append(next(streams[number]))
            followers[number].close()
            last = got[number][-1].id if got[number] else None
            followers[number] = Following(learner, run, last, process=draw.integer(0, 1))
            streams[number] = iter(followers[number])
    solution.open(f"gate-{gates}")
    for number in range(4):
        got[number] += list(streams[number])
    return CutOff(run, got)


@then("each has got each event once, in their order")
def each_has_got_each_event_once(cut_off: CutOff, track: Track) -> None:
    wanted = names_of(len(track.levels[0].checks))
    for events in cut_off.got:
        ids = [event.id for event in events]
        expect(
            ids == [str(number + 1) for number in range(len(wanted))], expected=f"1 to {len(wanted)}", got=ids
        )
        names = [event.name for event in events]
        expect(names == wanted, expected=f"{wanted}", got=names)
    data = {json.dumps([event.data for event in events]) for events in cut_off.got}
    expect(len(data) == 1, expected="the same for all", got=f"{len(data)} versions")


@when("a run is followed with ids that it never gave out", target_fixture="texts")
def a_run_is_followed_with_ids(learner: Learner, track: Track) -> list[tuple[str, Exchange, int]]:
    level = track.levels[0]
    run = learner.start(level, learner.solution())
    learner.ends(run, "passed")
    count = len(names_of(len(level.checks)))
    draw = learner.academy.draw
    ids = ["0", str(count + 1), f"0{count}", f"{count}.0", "-1", draw.word(), "9" * 30, "1 2"]
    path = f"{RUNS}/{run}/events"
    return [
        (sent, learner.client().get(path, headers={"Last-Event-ID": sent}), count)
        for sent in draw.shuffle(ids)[:5]
    ]


@then("each is told to forget what it has, and gets all events")
def each_is_told_to_forget(texts: list[tuple[str, Exchange, int]]) -> None:
    for sent, answer, count in texts:
        expect(answer.status == OK, expected=f"200 for the id {sent}", got=describe_answer(answer))
        names = re.findall(r"^event: (.*)$", answer.text, re.MULTILINE)
        expect(names[:1] == ["reset"], expected=f"event: reset for the id {sent}", got=names)
        expect(names.count("reset") == 1, expected="one reset", got=names)
        ids = re.findall(r"^id: (.*)$", answer.text, re.MULTILINE)
        expect(len(ids) == count, expected=f"{count} events", got=ids)


@when("a run is followed in which nothing happens", target_fixture="silences")
def a_run_is_followed_in_which_nothing_happens(learner: Learner, track: Track) -> list[float]:
    solution, run = gated(learner, track)
    solution.wait_for_calls(1)
    heartbeat = float(learner.academy.settings["HEARTBEAT_SECONDS"])
    following = Following(learner, run, timeout_seconds=3 * heartbeat + 3)
    silences: list[float] = []
    last, comments = time.monotonic(), 0
    while comments < 2 and (line := following.stream.line()) is not None:
        silences.append(time.monotonic() - last)
        last = time.monotonic()
        comments += line.startswith(b":")
    following.close()
    for gate in range(len(track.levels[0].checks) + 2):
        solution.open(f"gate-{gate}")
    learner.ends(run, "passed")
    expect(comments == 2, expected="two comments", got=comments)
    return silences


@then("a comment comes within each heartbeat")
def a_comment_comes_within_each_heartbeat(silences: list[float], learner: Learner) -> None:
    heartbeat = float(learner.academy.settings["HEARTBEAT_SECONDS"])
    worst = max(silences)
    most = heartbeat + LIVE_SECONDS
    expect(worst <= most, expected=f"no silence over {heartbeat:g} s", got=f"{worst:.2f} s", timing=True)
    expect(
        worst >= heartbeat / 2,
        expected="comments when nothing has happened for a while",
        got=f"{worst:.2f} s",
    )


@dataclass(frozen=True)
class Stopped:
    """How a web process ended, and the stream that it had open."""

    exit_code: int | None
    stream: Stream


@when("a run is followed at a web process that is told to stop", target_fixture="stopped")
def a_run_is_followed_at_a_web_process_that_is_told_to_stop(learner: Learner, track: Track) -> Stopped:
    solution, run = gated(learner, track)
    solution.wait_for_calls(1)
    following = Following(learner, run)
    next(iter(following))
    return Stopped(learner.academy.service.web.terminate(STOP_SECONDS), following.stream)


@then("the stream ends, and the process with exit code 0")
def the_stream_ends(stopped: Stopped) -> None:
    expect(stopped.exit_code == 0, expected="exit code 0", got=describe_stop(stopped.exit_code))
    answer = stopped.stream.answer()
    expect(
        answer.status == OK,
        expected="a stream that has ended, and was not cut off",
        got=describe_answer(answer),
    )
