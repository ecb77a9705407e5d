"""Steps of elsewhere.feature."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from pytest_bdd import scenarios, then, when

from kata.steps import (
    CallbackServer,
    Exchange,
    Reply,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .academy import ACCEPTED, INVALID, PROGRESS, RUNS, Learner, Local
from .catalogue import Track
from .solutions import Json, Solution, argument_of

PROOF_PATH = "/.well-known/levels-learner"
ANSWER_SECONDS = 3.0

scenarios("elsewhere.feature")


@dataclass(frozen=True)
class Asked:
    """What was asked for by URL: the run that was made, and what was refused."""

    shown: Json
    origin: str
    solution: Solution
    refused: list[tuple[str, Exchange]]


@dataclass(frozen=True)
class Refused:
    """What was refused, and how often somebody was asked for a proof meanwhile."""

    answers: list[tuple[str, Exchange]]
    asked: int


def demand_pointers(answers: list[tuple[str, Exchange]]) -> None:
    for what, answer in answers:
        errors = is_problem(answer, INVALID).get("errors")
        found = [one.get("pointer") for one in errors] if isinstance(errors, list) else []
        expect("#/url" in found, expected=f"a pointer to #/url for {what}", got=found, answer=answer)


@pytest.fixture
def server(world: World) -> Iterator[CallbackServer]:
    """A server whose answers are programmed, and which says nothing of anybody when the check is over."""
    server = world.callback_server()
    yield server
    server.program(PROOF_PATH, Reply())


def url_of(server: CallbackServer) -> str:
    return server.url("").rstrip("/")


@when(
    "runs are asked for by URL, of what says that it is the learner's, and of what does not",
    target_fixture="asked",
)
def runs_are_asked_for_by_url(learner: Learner, track: Track, world: World, server: CallbackServer) -> Asked:
    draw = world.draw
    level, origin = track.levels[0], url_of(server)
    port = urlsplit(origin).port
    folder = world.folder("verifier") / f"{port}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    mine = f"{learner.user_id}"
    proof = Reply(
        200, {"Content-Type": "text/plain"}, f"{mine}{draw.choice(['', chr(10), chr(13) + chr(10)])}".encode()
    )

    def ask(url: object, **other: object) -> Exchange:
        body = {"level_id": level.id, "url": url} | other
        return learner.client().request("POST", RUNS, json=body)

    refused: list[tuple[str, Exchange]] = []
    other = f"{learner.academy.learner().user_id}"
    server.program("/elsewhere", proof)
    for what, reply in {
        "the id of somebody else": Reply(200, {}, other.encode()),
        "more than the id": Reply(200, {}, f"{mine} {other}".encode()),
        "a part of the id": Reply(200, {}, mine[:-1].encode()),
        "200 {}": Reply(200, {"Content-Type": "application/json"}, b"{}"),
        "the id, but with status 404": Reply(404, {}, mine.encode()),
        "a redirect to where the id is": Reply.redirect(server.url("/elsewhere")),
        "a body without end": Reply(200, {}, mine.encode() + b" " * 10**6),
        "an answer without end": draw.choice([Reply.hang(), Reply.drip(), Reply.stall()]),
    }.items():
        server.program(PROOF_PATH, reply)
        refused.append((what, ask(origin)))
    server.program(PROOF_PATH, proof)
    for what, url in {
        "a path": f"{origin}/app",
        "a query": f"{origin}?a=1",
        "another scheme": origin.replace("http://", "https://"),
        "a user": origin.replace("http://", f"http://{draw.word()}@"),
        "no URL": draw.word(),
        "no text": 7,
    }.items():
        refused.append((what, ask(url)))
    refused.append(("a folder besides", ask(origin, dir=str(learner.solution().path))))
    before = len(Solution(folder).calls())
    expect(before == 0, expected="no call of the verifier for what was refused", got=before)
    answer = ask(f"http://localhost:{port}{draw.choice(['', '/'])}")
    expect(
        answer.status == ACCEPTED,
        expected="202 for what is the learner's",
        got=f"{describe_answer(answer)} {answer.text[:300]}",
    )
    shown = learner.ends(str(as_object(answer)["id"]), "passed")
    return Asked(shown, origin, Solution(folder), refused)


@then("what is the learner's is judged at its address, and all else is refused in time")
def what_is_the_learners_is_judged(asked: Asked, learner: Learner, track: Track) -> None:
    demand_pointers(asked.refused)
    for what, answer in asked.refused:
        took = answer.received - answer.sent
        expect(
            took <= ANSWER_SECONDS,
            expected=f"{what}: within {ANSWER_SECONDS:g} s",
            got=f"{took:.2f} s",
            timing=True,
        )
    told = {name: asked.shown.get(name) for name in ("url", "dir")}
    expect(told == {"url": asked.origin, "dir": None}, expected=f"url {asked.origin}, dir null", got=told)
    calls = asked.solution.calls()
    expect(len(calls) == 1, expected="one call", got=len(calls))
    arguments = calls[0].get("arguments")
    got = argument_of(calls[0], "--url")
    expect(got == asked.origin, expected=f"--url {asked.origin}, whatever name was sent", got=got)
    without = isinstance(arguments, list) and "--dir" not in arguments
    expect(without, expected="no --dir", got=arguments)
    status = learner.statuses(track)[0]
    expect(status == "COMPLETED", expected="COMPLETED, as all checks have passed", got=status)


@when(
    "runs are asked for by URLs that lead to this machine, to its network, or to none",
    target_fixture="refused",
)
def runs_are_asked_for_by_urls(local: Local, world: World, server: CallbackServer) -> Refused:
    client, draw = local.service.client(), world.draw
    port = urlsplit(url_of(server)).port
    user_id = as_object(client.get(PROGRESS)).get("user_id")
    server.program(PROOF_PATH, Reply(200, {}, f"{user_id}".encode()))
    hosts = [
        *("127.0.0.1", "localhost", "localhost.", "2130706433", "0x7f.1", "127.1", "[::1]", "0.0.0.0"),
        *("[::ffff:127.0.0.1]", f"{draw.word()}.localhost", "169.254.169.254", "10.0.0.1", "[fe80::1]"),
        *(f"192.168.{draw.integer(0, 255)}.1", f"{draw.word()}.internal", f"{draw.word()}.invalid"),
    ]
    level, before = local.tracks[0].levels[0].id, len(server.received(PROOF_PATH))
    answers = [
        (host, client.request("POST", RUNS, json={"level_id": level, "url": f"http://{host}:{port}"}))
        for host in draw.shuffle(hosts)
    ]
    return Refused(answers, len(server.received(PROOF_PATH)) - before)


@then("each is refused, and nobody was asked")
def each_is_refused_and_nobody_was_asked(refused: Refused) -> None:
    demand_pointers(refused.answers)
    expect(refused.asked == 0, expected=f"no request for {PROOF_PATH}", got=f"{refused.asked}")
