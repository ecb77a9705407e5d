"""Steps of logging.feature: what a service writes down of a request."""

import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pytest_bdd import given, scenarios, then, when

from kata.steps import Exchange, FaultProxy, World, entries, expect, output_once

from .office import JSON_TYPE, ORGANISATIONS, PATCH_TYPE, USERS, Member, Office, Task

PATIENCE_SECONDS = 5.0
# What shows, and is far below any time-out.
DELAY_SECONDS = 0.06
SENDING_MS = 50
TRACE_ID = re.compile(r"[0-9a-f]{32}")
TASKS = f"{ORGANISATIONS}/{{organisation_id}}/tasks"
MEMBER = f"{ORGANISATIONS}/{{organisation_id}}/members/{{user_id}}"
TASK = f"{TASKS}/{{task_id}}"

scenarios("logging.feature")

type Entry = Mapping[str, object]


@dataclass(frozen=True)
class Asked:
    """A request with an id of its own, the route that it was for, and its answer."""

    request_id: str
    method: str
    route: str | None
    answer: Exchange


class Reporter:
    """Sends requests with ids of their own, and reads what the log has of them."""

    def __init__(self, office: Office, member: Member) -> None:
        self._office = office
        self._member = member
        _ = office.service.web  # its output is needed: without the process there is nothing to read

    def ask(self, method: str, path: str, route: str | None, **headers: str) -> Asked:
        """Send a request, with the member's token unless another is given."""
        request_id = new_id(self._office)
        fields = {name.replace("_", "-"): value for name, value in headers.items() if name != "body"}
        body = headers["body"].encode() if "body" in headers else None
        client = self._member.http if "authorization" not in fields else self._office.stranger()
        answer = client.request(method, path, headers={"X-Request-ID": request_id, **fields}, body=body)
        return Asked(request_id, method, route, answer)

    def line(self, request_id: str) -> Entry:
        """Return the one line of a request; more than one, or none, fails the check."""
        return line_of(self._office, request_id)


def new_id(office: Office) -> str:
    return f"{office.draw.word()}-{office.draw.word()}"


def line_of(office: Office, request_id: str) -> Entry:
    lines = output_once(office.service, lambda lines: bool(entries_of(lines, request_id)))
    found = entries_of(lines, request_id)
    rule = "each request leaves one line with its route, and no other line has that"
    expect(len(found) == 1, expected=f"one line for {request_id}", got=found, rule=rule)
    return found[0]


def entries_of(lines: Sequence[str], request_id: str) -> list[Entry]:
    """Return the lines about a request: those with its id, and a route."""
    found = entries(line for line in lines if request_id in line)
    return [entry for entry in found if entry.get("request_id") == request_id and "route" in entry]


@when("it is asked for what there is and for what there is not, well and badly", target_fixture="all_asked")
def it_is_asked_for_what_there_is(office: Office, member: Member, world: World) -> list[Asked]:
    ask, draw = Reporter(office, member).ask, world.draw
    task = member.create()
    unknown = f"{member.tasks}/{draw.uuid()}"
    operator = office.authorization["Authorization"]
    json_type, patch_type = JSON_TYPE["Content-Type"], PATCH_TYPE["Content-Type"]
    asked: list[Callable[[], Asked]] = [
        lambda: ask("GET", task.path, TASK),
        lambda: ask("HEAD", task.path, TASK),
        lambda: ask("OPTIONS", task.path, TASK),
        lambda: ask("PUT", task.path, TASK),
        lambda: ask("GET", unknown, TASK),
        lambda: ask("GET", f"{member.tasks}?limit=3", TASKS),
        lambda: ask("GET", f"{member.tasks}?limit=x", TASKS),
        lambda: ask("GET", member.tasks, TASKS, authorization=f"Bearer {draw.word()}"),
        lambda: ask("GET", member.tasks, TASKS, accept="text/html"),
        lambda: ask("POST", member.tasks, TASKS, content_type=json_type, body='{"title": "x"}'),
        lambda: ask("POST", member.tasks, TASKS, content_type=json_type, body="{"),
        lambda: ask("POST", member.tasks, TASKS, content_type="text/plain", body="{}"),
        lambda: ask("PATCH", task.path, TASK, content_type=patch_type, body="{}"),
        lambda: ask("PATCH", task.path, TASK, content_type=patch_type, if_match="*", body="{}"),
        lambda: ask("POST", f"{unknown}/restore", f"{TASK}/restore", if_match="*"),
        lambda: ask("POST", USERS, USERS, content_type=json_type, body="{}"),
        lambda: ask("POST", ORGANISATIONS, ORGANISATIONS, authorization=operator, body="{}"),
        lambda: ask("DELETE", f"{ORGANISATIONS}/{draw.uuid()}/members/{draw.uuid()}", MEMBER),
        lambda: ask("GET", "/openapi.json", "/openapi.json"),
        lambda: ask(draw.choice(["GET", "HEAD", "DELETE"]), "/docs", "/docs"),
        lambda: ask("GET", f"/{draw.word()}", None),
        lambda: ask("GET", f"{task.path}/", None),
        lambda: ask("POST", f"/api/v1/{draw.word()}", None, body="x" * 99),
    ]
    return [one() for one in draw.shuffle(asked)]


@then("each has one line, which says what was answered")
def each_has_one_line(office: Office, all_asked: list[Asked]) -> None:
    for asked in all_asked:
        line = line_of(office, asked.request_id)
        wanted = {"method": asked.method, "status": asked.answer.status, "bytes": len(asked.answer.body)}
        if asked.route is not None:
            wanted["route"] = asked.route
        got = {name: line.get(name) for name in wanted}
        expect(got == wanted, expected=str(wanted), got=got, rule="the line says what was asked and answered")
        if asked.route is None:
            path = asked.answer.asked.partition(" ")[2]
            shown = path.strip("/").rpartition("/")[2] in str(line.get("route"))
            expect(not shown, expected="a route that says nothing of the path", got=line.get("route"))
        milliseconds = line.get("duration_ms")
        is_number = isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool)
        expect(is_number, expected="duration_ms, a number", got=milliseconds)


@given("PostgreSQL answers with a delay that shows")
def postgresql_answers_with_a_delay_that_shows(postgres: FaultProxy) -> None:
    postgres.delay(DELAY_SECONDS)


@when("a task is asked for", target_fixture="asked")
def a_task_is_asked_for(office: Office, member: Member) -> Asked:
    task = member.create()
    return Reporter(office, member).ask("GET", task.path, TASK)


@then("the line tells a time between the delay and what the client has waited")
def the_line_tells_a_time(office: Office, asked: Asked) -> None:
    milliseconds = line_of(office, asked.request_id).get("duration_ms")
    # The client may have the last byte before the service sees it gone.
    waited = (asked.answer.received - asked.answer.sent) * 1000 + SENDING_MS
    # There and back again.
    least = 2 * DELAY_SECONDS * 1000
    right = isinstance(milliseconds, int | float) and least <= milliseconds <= waited
    expect(right, expected=f"from {least:.0f} to {waited:.1f} ms", got=milliseconds, timing=True)


@when("bodies are announced, and broken off before they are complete", target_fixture="request_ids")
def bodies_are_announced_and_broken_off(office: Office, member: Member, world: World) -> list[str]:
    request_ids = []
    target = urlsplit(office.service.urls[0])
    task = member.create()
    heads = {f"POST {member.tasks}": JSON_TYPE, f"PATCH {task.path}": PATCH_TYPE | {"If-Match": task.etag}}
    for line, headers in heads.items():
        request_ids.append(new_id(office))
        fields = {
            "Host": target.netloc,
            "X-Request-ID": request_ids[-1],
            "Content-Length": str(world.draw.integer(40, 400)),
            **member.authorization,
            **headers,
        }
        text = "\r\n".join([f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())])
        with socket.create_connection((target.hostname, target.port or 80), PATIENCE_SECONDS) as connection:
            connection.sendall(f'{text}\r\n\r\n{{"title": '.encode())
            time.sleep(world.draw.integer(20, 120) / 1000)
    return request_ids


@then("each has one line")
def each_broken_off_has_one_line(office: Office, request_ids: list[str]) -> None:
    for request_id in request_ids:
        line_of(office, request_id)


@when("it is asked with a traceparent, with bad ones and without", target_fixture="traces")
def it_is_asked_with_a_traceparent(
    office: Office, member: Member, world: World
) -> list[tuple[str | None, str | None, Asked]]:
    draw = world.draw
    hexadecimal = "0123456789abcdef"
    task = member.create()

    def sent(kind: str) -> tuple[str, str | None]:
        trace, parent = f"1{draw.text(30, hexadecimal)}e", f"2{draw.text(14, hexadecimal)}f"
        zero = "0" * 32
        return {
            "known": (f"00-{trace}-{parent}-0{draw.integer(0, 1)}", trace),
            "later": (f"cc-{trace}-{parent}-01-{draw.word()}", trace),
            "version ff": (f"ff-{trace}-{parent}-01", None),
            "too long": (f"00-{trace}-{parent}-01-{draw.word()}", None),
            "zero trace": (f"00-{zero}-{parent}-01", None),
            "zero parent": (f"00-{trace}-{zero[:16]}-01", None),
            "capitals": (f"00-{trace.upper()}-{parent}-01", None),
            "short": (f"00-{trace[1:]}-{parent}-01", None),
            "no hexadecimal": (f"00-{trace[:-1]}g-{parent}-01", None),
            "garbage": (draw.word(), None),
        }[kind]

    kinds = ["known", "later", "version ff", "too long", "zero trace", "zero parent", "capitals", "short"]
    found: list[tuple[str | None, str | None, Asked]] = []
    reporter = Reporter(office, member)
    for kind in draw.shuffle([*kinds, "no hexadecimal", "garbage"]):
        header, trace = sent(kind)
        found.append((header, trace, reporter.ask("GET", task.path, TASK, traceparent=header)))
    found += [(None, None, reporter.ask("GET", task.path, TASK)) for _ in range(2)]
    return found


@then("the line has the trace of the first, and new ones for the others")
def the_line_has_the_trace_of_the_first(
    office: Office, traces: list[tuple[str | None, str | None, Asked]]
) -> None:
    made = []
    for header, trace, asked in traces:
        expect(asked.answer.status == 200, expected="200, whatever the traceparent", got=asked.answer.status)
        got = str(line_of(office, asked.request_id).get("trace_id"))
        if trace is not None:
            expect(got == trace, expected=f"trace_id {trace} of {header}", got=got)
            continue
        new = (
            TRACE_ID.fullmatch(got) is not None and got.strip("0") != "" and got not in (header or "").lower()
        )
        expect(new, expected=f"a new trace_id, of 32 hex digits, for {header}", got=got)
        made.append(got)
    expect(len(set(made)) == len(made), expected="a new trace for each request", got=made)


@when("secrets are sent wherever a request has room for them", target_fixture="secrets")
def secrets_are_sent_wherever_a_request_has_room(office: Office, member: Member, world: World) -> list[str]:
    draw = world.draw
    for _ in range(2):
        member.create()
    page = member.page(limit="1")
    cursor = page.link("next").rpartition("cursor=")[2]
    member.follow(page.link("next"))
    secrets = [draw.text(24) for _ in range(10)]
    key, title, notes, token, path, query, cookie, email, bad, agent = secrets
    task: Task = member.create(title=title, notes=notes)
    member.post(member.body(), {"Idempotency-Key": key})
    member.get(task.path, cookie=f"session={cookie}", user_agent=agent)
    member.get(f"{member.tasks}?access_token={query}")
    office.stranger().get(f"/api/v1/{path}")
    office.stranger().get(member.tasks, headers={"Authorization": f"Bearer {token}"})
    office.operator.request("POST", USERS, json={"email": f"{email}@example.com", "name": "x"})
    member.http.request("POST", member.tasks, headers=JSON_TYPE, body=f'{{"title": "{bad}"'.encode())
    last = Reporter(office, member).ask("GET", task.path, TASK)
    line_of(office, last.request_id)  # what came before is written by now
    return [
        *secrets,
        cursor,
        member.user.token,
        office.settings["OPERATOR_TOKEN"],
        office.settings["CURSOR_SECRET"],
    ]


@then("none of them is in the output")
def none_of_them_is_in_the_output(office: Office, secrets: list[str]) -> None:
    for line in office.service.output():
        found = [secret for secret in secrets if secret in line]
        expect(not found, expected="a line without secrets", got=line)
