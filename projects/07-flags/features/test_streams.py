"""Steps of streams.feature: the stream is read as an EventSource reads it."""

import json
import re
import time

from pytest_bdd import scenarios, then

from kata.steps import Stream, World, describe_answer, describe_stop, expect, wait_until

from .answers import NO_CONTENT, UNAUTHORIZED, is_ofrep_error, wanted
from .panel import EVERYWHERE_SECONDS, SLACK_SECONDS, Panel, announced

scenarios("streams.feature")


def opened(panel: Panel, uri: str, process: int = 0, last_event_id: str | None = None) -> Stream:
    headers = {"Accept": "text/event-stream", "Content-Length": "0"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    stream = Stream(panel.service.urls[process], uri, headers, method="GET")
    stream.end()
    return stream


def event(stream: Stream, seconds: float) -> dict[str, str]:
    """Return the fields of the next event; empty if none comes in time."""
    fields: dict[str, str] = {}
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        line = stream.line(left)
        if line is None:
            return {}
        name, _, value = line.decode().rstrip("\r").partition(":")
        if not name and not value and "data" in fields:
            return fields
        if name and value:
            fields[name] = value.removeprefix(" ")
    return {}


def tells(found: dict[str, str], what: str) -> str:
    """Demand an event that OFREP knows, and return the configuration that it tells of."""
    try:
        data = json.loads(found.get("data", ""))
    except ValueError:
        data = {}
    right = isinstance(data, dict) and data.get("type") == "refetchEvaluation"
    right = right and isinstance(data.get("etag"), str) and isinstance(data.get("lastModified"), int)
    right = right and found.get("event", "message") == "message" and bool(found.get("id"))
    expect(
        right,
        expected=f"refetchEvaluation, etag, lastModified, an id, {what}",
        got=found,
        timing=True,
    )
    age = time.time() - data["lastModified"] if right else 0
    expect(-3 < age < 600, expected="lastModified in seconds of Unix", got=data)
    return str(data.get("etag"))


@then("a bulk announces a stream, and on each process it tells of a change within a second")
def a_bulk_announces_a_stream(panel: Panel) -> None:
    key = str(panel.flag(client_side=True)["key"])
    panel.everywhere(key, "on")
    kinds = panel.draw.shuffle(["server", "browser"])
    panel.key("browser")
    panel.soon(lambda: panel.bulk({}, process=1, kind="browser").status == 200, "the key")
    uris = [announced(panel, 1 - process, kinds[process]) for process in (0, 1)]
    streams = [opened(panel, uri, process) for process, uri in enumerate(uris)]
    time.sleep(0.2)
    for variant in ("other", "off"):
        since = time.monotonic()
        panel.change(key, default={"variant": variant})
        for process, stream in enumerate(streams):
            found = event(stream, since + EVERYWHERE_SECONDS + SLACK_SECONDS - time.monotonic())
            while found and tag_is_older(panel, tells(found, "after a change"), key, variant, process):
                found = event(stream, since + EVERYWHERE_SECONDS + SLACK_SECONDS - time.monotonic())
            expect(bool(found), expected=f"an event on process {process + 1}", got="none", timing=True)
    for stream in streams:
        stream.close()


def tag_is_older(panel: Panel, tag: str, key: str, variant: str, process: int) -> bool:
    """Ask as a client that was told: with the configuration. Other checks change flags, too."""
    body = wanted(panel.bulk({}, process=process, config_tag=tag), 200)
    flags = body.get("flags")
    found = {one["key"]: one.get("variant") for one in flags} if isinstance(flags, list) else {}
    return found.get(key) != variant


@then("a stream that is opened too late begins with the change, and one that is quiet is kept alive")
def a_stream_that_is_opened_too_late(panel: Panel) -> None:
    key = str(panel.flag()["key"])
    panel.everywhere(key, "on")
    uri = announced(panel)
    panel.change(key, default={"variant": "off"})
    panel.everywhere(key, "off")
    late = opened(panel, uri, 1)
    tag = tells(event(late, EVERYWHERE_SECONDS), "for who comes late")
    late.close()
    known = opened(panel, announced(panel), 0, last_event_id=uri.partition("since=")[2])
    tells(event(known, EVERYWHERE_SECONDS), "behind a Last-Event-ID that is older")
    known.close()
    quiet = opened(panel, announced(panel), 0)
    heartbeat = panel.settings.heartbeat_seconds
    last = time.monotonic()
    deadline = last + 3 * heartbeat + SLACK_SECONDS
    beats = 0  # without what it begins with
    while time.monotonic() < deadline and beats < 2:
        line = quiet.line(max(0.01, deadline - time.monotonic()))
        if line is not None and line.startswith(b":") and time.monotonic() > last + heartbeat / 2:
            beats, last = beats + 1, time.monotonic()
    quiet.close()
    every = f"a comment each {heartbeat:g} s while it is quiet, behind that of the beginning"
    expect(beats == 2, expected=f"2 times {every}", got=f"{beats} of them", timing=True)
    expect(bool(tag), expected="an etag", got=tag)


def altered(panel: Panel, token: str) -> list[str]:
    """Return what is nearly the token: it is opaque, but may have an id and a time in it."""
    later = [
        token[: found.start()] + str(int(found[0]) + 100) + token[found.end() :]
        for found in re.finditer(r"(?<!\d)[1-9]\d{8,11}(?!\d)", token)
    ]
    other_id = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(panel.draw.uuid()), token)
    # Not in the last three characters: not all bits of a text in base64 count there.
    places = [max(0, len(token) - 40), *(panel.draw.integer(0, len(token) - 4) for _ in range(3))]
    changed = [f"{token[:at]}{'B' if token[at] == 'A' else 'A'}{token[at + 1 :]}" for at in places]
    return [one for one in (*later, other_id, *changed) if one != token]


def is_open(stream: Stream) -> None:
    """Demand that a stream has begun: with an event or a comment."""
    if stream.line(2.0) is None:
        answer = stream.answer()
        expected = "a stream that begins at once, with an event or a comment"
        expect(False, expected=expected, got=describe_answer(answer), answer=answer, timing=True)


class Brief:
    """A service whose tokens do not last, and a stream of it."""

    def __init__(self, world: World, panel: Panel) -> None:
        self._seconds = panel.draw.integer(2100, 2400) / 1000
        settings = {**panel.settings.environment(), "STREAM_TOKEN_SECONDS": f"{self._seconds:g}"}
        self._panel = Panel(world.start_alone(settings), panel.draw, panel.settings)
        self._panel.key()
        # Where tokens end together, the oldest are those of who asks at the beginning of a period.
        time.sleep(self._seconds - time.time() % self._seconds + 0.01)
        self._asked = time.monotonic()
        self._path = announced(self._panel)
        self._announced = time.monotonic()
        self._stream = opened(self._panel, self._path)
        is_open(self._stream)

    def outlives_its_token(self) -> None:
        """Demand that the token is good for so long and no longer, and that the open stream goes on."""
        if time.monotonic() < self._asked + self._seconds - 0.1:
            wait_until(self._asked + self._seconds - 0.1)
            again = opened(self._panel, self._path)
            began = again.line(self._asked + self._seconds - time.monotonic())
            again.close()
            good = f"a token that is good for {self._seconds:g} s"
            expect(began is not None, expected=good, got="no stream by it", timing=True)
        wait_until(self._announced + 2 * self._seconds + 1)
        is_ofrep_error(self._panel.service.client().get(self._path), UNAUTHORIZED, "GENERAL")
        self._panel.flag()
        found = event(self._stream, EVERYWHERE_SECONDS + SLACK_SECONDS)
        tells(found, "on a stream that is open, behind its token's end")
        self._stream.close()


@then("a token that is wrong, old or of a revoked key opens nothing, and no token is in the output")
def a_token_that_is_wrong_opens_nothing(panel: Panel, world: World) -> None:
    brief = Brief(world, panel)
    uri = announced(panel)
    token = uri.partition("token=")[2].partition("&")[0]
    wrong = [token[:-1], *altered(panel, token), panel.key(), ""]
    client = panel.service.client()
    for bad in wrong:
        is_ofrep_error(client.get(f"/ofrep/v1/stream?token={bad}"), UNAUTHORIZED, "GENERAL")
    good = opened(panel, uri, 1)
    is_open(good)
    good.close()
    made = panel.new_key("server")
    headers = {"X-API-Key": str(made["secret"])}
    revoked = announced(panel, headers=headers)
    open_until = opened(panel, revoked)
    is_open(open_until)
    gone = panel.manage("DELETE", f"/keys/{made['id']}")
    expect(gone.status == NO_CONTENT, expected="204", got=gone.status)
    panel.soon(lambda: client.get(revoked).status == UNAUTHORIZED, "401 for a revoked key's token")
    ended = open_until.answer()
    expect(ended.status == 200, expected="the stream of a revoked key ended", got=ended.error)
    brief.outlives_its_token()
    written = [line for line in panel.service.output() if token[-20:] in line]
    expect(not written, expected="no token in the output", got=written[:1])


@then("with streams open SIGTERM is a clean end")
def with_streams_open_sigterm_is_a_clean_end(panel: Panel, world: World) -> None:
    service = world.start_alone({**panel.settings.environment(), "HEARTBEAT_SECONDS": "60"})
    own = Panel(service, panel.draw, panel.settings)
    streams = [opened(own, announced(own)) for _ in range(panel.draw.integer(3, 6))]
    for stream in streams:
        is_open(stream)
    started = time.monotonic()
    code = service.web.terminate()
    took = time.monotonic() - started
    expect(code == 0, expected="exit code 0 within 10 seconds", got=describe_stop(code), timing=True)
    expect(took < 6, expected="an end as soon as nothing runs", got=f"{took:.1f} s", timing=True)
    for stream in streams:
        ended = stream.answer()
        expect(ended.status == 200, expected="a stream with an end", got=ended.error)
