"""Steps of traces.feature."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    CallbackServer,
    Exchange,
    Received,
    Reply,
    as_object,
    describe_answer,
    entries,
    expect,
    output_once,
)

from .collector import TRACES, Span, arrived, collected, sent
from .hooks import hook
from .saas import ACCEPTED, API, CREATED, PATIENCE_SECONDS, Home, Site, made

ORGANISATION = f"{API}/organisations/{{organisation_id}}"
ACT = f"{ORGANISATION}/projects/{{project_id}}/actions/"
LONGEST_SECONDS = 1.5
WRITES = 6
AWAY = [Reply.hang(), Reply.reset()]

scenarios("traces.feature")


@dataclass(frozen=True)
class Trace:
    """One that a request says that it is of."""

    id: str
    parent: str

    @property
    def headers(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.id}-{self.parent}-01"}


def trace(site: Site) -> Trace:
    digits = "0123456789abcdef"
    return Trace(f"a{site.draw.text(31, digits)}", f"b{site.draw.text(15, digits)}")


@dataclass(frozen=True)
class Done:
    """What was asked in a trace, the job that came of it, and what that has called."""

    trace: Trace
    answer: Exchange
    job_type: str
    request: str
    called: list[Received]


@dataclass(frozen=True)
class Traced:
    """What was done, what was refused, and what nobody else is to know."""

    done: list[Done]
    refused: list[tuple[Trace, Exchange, str]]
    alone: list[Exchange]
    secrets: list[str]


def wait_for_calls(sink: CallbackServer, path: str, count: int) -> list[Received]:
    found = sink.wait_for(path, count, PATIENCE_SECONDS)
    expect(len(found) == count, expected=f"{count} calls", got=len(found), timing=True)
    return found


@when(
    "things are done whose requests say of which trace they are, and some that say nothing right",
    target_fixture="traced",
)
def things_are_done(site: Site, home: Home, sink: CallbackServer) -> Traced:
    secret, name, path = str(site.draw.uuid()), str(site.draw.uuid()), f"/{site.draw.uuid()}"
    first, second, third, fourth = (trace(site) for _ in range(4))
    http, endpoint = home.http, hook(site, home, sink)
    answer = http.request("POST", f"{home.path}/projects", json={"name": name}, headers=first.headers)
    project = made(answer)
    told = Done(first, answer, "deliver", f"POST {ORGANISATION}/projects", endpoint.calls(1))
    sink.program(path, Reply(500), Reply())
    place = f"{home.path}/projects/{project['id']}/actions/publish"
    body = {"destination": sink.url(f"{path}?token={secret}")}
    answer = http.request("POST", place, json=body, headers=second.headers)
    expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer))
    home.ended(as_object(answer))
    acted = Done(second, answer, "publish", f"POST {ACT}", wait_for_calls(sink, path, 2))
    unknown = http.get(f"{home.path}/projects?token={secret}", headers=third.headers)
    nowhere = http.get(f"/{secret}?token={secret}", headers=fourth.headers)
    refused = [(third, unknown, f"GET {ORGANISATION}/projects"), (fourth, nowhere, "GET")]
    wrong = [
        f"00-{'0' * 32}-{first.parent}-01",
        f"00-{first.id}-{first.parent}",
        f"ff-{first.id}-{first.parent}-01",
    ]
    alone = [http.get(f"{API}/me", headers={"traceparent": one}) for one in wrong]
    token = home.person.authorization["Authorization"].partition(" ")[2]
    secrets = [secret, name, token, home.person.email, path, endpoint.path, endpoint.secret]
    return Traced([told, acted], refused, alone, secrets)


@then(
    "each trace has the request, below it each attempt of its job, and below that the call that names itself"
)
def each_trace_has(sink: CallbackServer, traced: Traced) -> None:
    for done in traced.done:
        count = len(done.called)
        found = arrived(sink, done.trace.id, complete({"server": 1, "consumer": count, "client": count}))
        (request,) = of_kind(found, "server", 1)
        route = request.attributes.get("http.route")
        expect(
            request.name.startswith(done.request) and request.name == f"POST {route}",
            expected=f"a span {done.request}, and this route in http.route",
            got=request,
        )
        is_below(request, done.trace.parent)
        status = request.attributes.get("http.response.status_code")
        expect(int(str(status)) == done.answer.status, expected=str(done.answer.status), got=status)
        attempts = of_kind(found, "consumer", count)
        numbers = [int(str(one.attributes.get("job.attempt"))) for one in attempts]
        expect(numbers == list(range(1, count + 1)), expected=f"{count} attempts", got=attempts)
        calls = {call.id: call for call in of_kind(found, "client", count)}
        for attempt, received in zip(attempts, done.called, strict=True):
            expect(attempt.name == done.job_type, expected=f"a span {done.job_type}", got=attempt)
            is_below(attempt, request.id)
            said = received.header("traceparent") or "none"
            call = calls.get(said[36:52])
            wanted = f"a traceparent of this trace and one of the calls {sorted(calls)}"
            expect(
                call is not None and said == f"00-{done.trace.id}-{said[36:52]}-01", expected=wanted, got=said
            )
            if call is not None:
                is_below(call, attempt.id)
    for asked, answer, name in traced.refused:
        (request,) = of_kind(arrived(sink, asked.id, complete({"server": 1})), "server", 1)
        expect(request.name == name, expected=f"a span {name} for {answer.asked}", got=request)


def complete(kinds: dict[str, int]) -> Callable[[list[Span]], bool]:
    return lambda found: all(
        len([one for one in found if one.kind == kind]) >= n for kind, n in kinds.items()
    )


def of_kind(found: list[Span], kind: str, count: int) -> list[Span]:
    """Return the spans of a kind, the first attempt first."""
    those = [one for one in found if one.kind == kind]
    expect(len(those) == count, expected=f"{count} spans of the kind {kind}", got=found, timing=True)
    return sorted(those, key=lambda one: int(str(one.attributes.get("job.attempt", 0))))


def is_below(span: Span, parent: str) -> None:
    expect(span.parent == parent, expected=f"a span below {parent}", got=span)


@then("the lines of the log name the trace")
def the_lines_of_the_log(site: Site, traced: Traced) -> None:
    asked = [(done.answer, done.trace.id) for done in traced.done]
    asked += [(answer, one.id) for one, answer, _ in traced.refused]
    for answer, wanted in asked:
        got = [line.get("trace_id") for line in lines_of(site, answer)]
        expect(set(got) == {wanted}, expected=f"lines with trace_id {wanted}", got=got)
    given = {one.id for one, *_ in traced.refused} | {done.trace.id for done in traced.done}
    for answer in traced.alone:
        own = {str(line.get("trace_id")) for line in lines_of(site, answer)}
        right = len(own) == 1 and not own & given and all(len(one) == 32 for one in own)
        expect(right, expected="lines with a trace of their own", got=own)
    acted = traced.done[-1]
    job, attempts = as_object(acted.answer)["id"], len(acted.called)

    def told() -> list[object]:
        lines = [line for worker in site.service.workers for line in worker.output()]
        return [line.get("trace_id") for line in entries(lines) if line.get("job_id") == job]

    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(got := told()) < attempts and time.monotonic() < deadline:
        time.sleep(0.05)
    expect(got == [acted.trace.id] * attempts, expected=f"{attempts} lines with its trace", got=got)


def lines_of(site: Site, answer: Exchange) -> list[dict[str, object]]:
    request_id = answer.header("x-request-id") or "none"
    lines = output_once(site.service, lambda lines: any(request_id in line for line in lines))
    return [dict(line) for line in entries(lines) if line.get("request_id") == request_id]


@then("no span says what only its sender is to know")
def no_span_says(sink: CallbackServer, traced: Traced) -> None:
    bodies = [sent(request) for request in sink.received(TRACES)]
    for secret in traced.secrets:
        told = [one for one in collected(sink) if secret in repr(one)]
        is_silent = not told and not any(secret.encode() in body for body in bodies)
        expect(is_silent, expected=f"nothing of {secret}", got=told or "it is in the body")


@dataclass(frozen=True)
class Away:
    """What was done while the collector was away, how long it took, and what came behind."""

    answers: list[Exchange]
    jobs: list[object]
    back: list[Span]


@when("the collector is silent, and breaks off, while things are done, and comes back", target_fixture="away")
def the_collector_is_away(site: Site, home: Home, sink: CallbackServer) -> Away:
    answers, jobs = [], []
    project, path = home.project(site.draw.word()), f"/{site.draw.uuid()}"
    try:
        for reply in site.draw.shuffle(AWAY):
            sink.program(TRACES, reply)
            wait_until_asked(home, sink)
            for _ in range(WRITES):
                body = {"name": site.draw.word()}
                answers.append(home.http.request("POST", f"{home.path}/projects", json=body))
            answers.append(home.act(project, sink.url(path)))
            jobs.append(home.ended(as_object(answers[-1])).get("state"))
    finally:
        sink.program(TRACES, Reply(200))
    asked = trace(site)
    home.http.get(f"{API}/me", headers=asked.headers)
    return Away(answers, jobs, arrived(sink, asked.id, bool))


def wait_until_asked(home: Home, sink: CallbackServer) -> None:
    """Do something, and wait until spans of it are on their way."""
    before = len(sink.received(TRACES))
    home.http.get(f"{API}/me")
    found = sink.wait_for(TRACES, before + 1, PATIENCE_SECONDS)
    expect(len(found) > before, expected="spans on their way to the collector", got="none", timing=True)


@then("each was done as fast as ever, and later spans arrive again")
def each_was_done(away: Away) -> None:
    for answer in away.answers:
        right = answer.status in {CREATED, ACCEPTED}
        expect(right, expected="201 or 202", got=describe_answer(answer))
        took = answer.received - answer.sent
        wanted = f"an answer within {LONGEST_SECONDS:g} s"
        expect(took < LONGEST_SECONDS, expected=wanted, got=f"{took:.2f} s", timing=True)
    expect(away.jobs == ["succeeded"] * len(AWAY), expected="jobs that succeed", got=away.jobs)
    expect(len(away.back) == 1, expected="a span when it is back", got=away.back, timing=True)
