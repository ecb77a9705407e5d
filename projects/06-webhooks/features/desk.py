"""A client of the service: it makes sources, sends deliveries, and reads what became of them."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import quote, urlsplit

from kata.steps import (
    CallbackServer,
    Draw,
    Exchange,
    Instance,
    NotRunError,
    Received,
    Reply,
    Request,
    Service,
    as_object,
    burst,
    describe_answer,
    expect,
    wait_until_ready,
)

from .sender import STANDARD, Source, key_of, random_bytes, standard, whsec
from .times import Times

API = "/api/v1"
OK, CREATED, ACCEPTED = 200, 201, 202
MALFORMED, UNAUTHORIZED, NOT_FOUND, CONFLICT, GONE = 400, 401, 404, 409, 410
TOO_LARGE, UNSUPPORTED, INVALID, LIMITED, UNAVAILABLE = 413, 415, 422, 429, 503
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.02

type Json = Mapping[str, object]


class Desk:
    """A running service, its operator, and those who send to it."""

    def __init__(self, service: Service, sink: CallbackServer, draw: Draw, times: Times) -> None:
        self.service = service
        self.sink = sink
        self.http = service.client(times.authorization)
        self.sender = service.client()
        self.draw = draw
        self.times = times
        self.ended: list[Instance] = []

    def source(self, scheme: str = STANDARD, *replies: Reply, **fields: object) -> Source:
        """Make a source whose destination answers with these replies in turn, and on with the last."""
        path = f"/{self.draw.word()}/{self.draw.word()}"
        target = path + self.draw.choice(["", f"?key={self.draw.word()}&at=%2Fhome", f"?{self.draw.word()}"])
        if replies:
            self.sink.program(path, *replies)
        name = f"{self.draw.word()}-{self.draw.integer(1, 99)}"
        body = {"name": name, "scheme": scheme, "destination": self.sink.url(target), **fields}
        answer = self.http.request("POST", f"{API}/sources", json=body)
        rule = "POST of a source answers 201 with its secrets"
        got = f"{describe_answer(answer)} {answer.text[:300]}"
        expect(answer.status == CREATED, expected="201", got=got, rule=rule, timing=in_doubt(answer))
        made = as_object(answer, rule)
        secret, signing = made.get("secret"), made.get("signing_secret")
        shown = isinstance(secret, str) and isinstance(signing, str)
        expect(shown, expected="secret and signing_secret, strings", got=sorted(made), rule=rule)
        return Source(name, scheme, str(secret), str(signing), path, target, body)

    def with_key(self, *replies: Reply, **fields: object) -> Source:
        """Make a source whose secret is drawn, and not the service's choice."""
        secret = whsec(random_bytes(self.draw, self.draw.integer(24, 64)))
        return self.source(STANDARD, *replies, secret=secret, **fields)

    def message_id(self) -> str:
        return f"msg_{self.draw.text(20)}"

    def send(
        self, source: Source, headers: Mapping[str, str], body: bytes, content_type: str = "application/json"
    ) -> Exchange:
        """Post a delivery with these headers."""
        return self.sender.request(
            "POST", source.path, headers={"Content-Type": content_type, **headers}, body=body
        )

    def deliver(self, source: Source, message_id: str | None = None, body: bytes | None = None) -> str:
        """Send a standard delivery that is in order, demand a 202, and return the event's id."""
        message_id = message_id or self.message_id()
        body = json.dumps({"n": self.draw.word()}).encode() if body is None else body
        return accepted(self.send(source, standard(key_of(source.secret), message_id, body), body))

    def request(self, source: Source, headers: Mapping[str, str], body: bytes) -> Request:
        return Request("POST", source.path, {"Content-Type": "application/json", **headers}, body)

    def asked(self, method: str, path: str, body: bytes = b"") -> Request:
        """Return a request of the operator's."""
        kind = {"Content-Type": "application/json"} if body else {}
        return Request(method, f"{API}{path}", {**self.times.authorization, **kind}, body)

    def raw(self, source: Source, lines: Sequence[tuple[str, str]], body: bytes) -> bytes:
        """Write a delivery by hand: header lines may repeat, and hold any bytes of Latin-1."""
        host = urlsplit(self.service.urls[0]).netloc
        fields = [("Host", host), ("Content-Length", str(len(body))), ("Connection", "close")]
        head = "".join(f"{name}: {value}\r\n" for name, value in [*fields, *lines])
        return f"POST {source.path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body

    def show(self, path: str, rule: str | None = None) -> Json:
        answer = self.http.get(f"{API}{path}")
        got = describe_answer(answer)
        expect(
            answer.status == OK,
            expected=f"200 from {API}{path}",
            got=got,
            rule=rule,
            timing=in_doubt(answer),
        )
        return as_object(answer, rule)

    def event(self, event_id: str) -> Json:
        return self.show(f"/events/{event_id}", "GET returns the event as it is now")

    def listed(self, limit: int, **query: str) -> list[Json]:
        """Walk through the whole list by its cursors."""
        found: list[Json] = []
        cursor = ""
        for _ in range(1000):
            fields = {"limit": str(limit), **query} | ({"cursor": cursor} if cursor else {})
            asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
            page = self.show(f"/events?{asked}")
            items = objects(page.get("items"), "items")
            rule = "next_cursor is null at the end"
            expect(
                bool(items) or not cursor, expected="a page behind next_cursor", got="an empty one", rule=rule
            )
            expect(len(items) <= limit, expected=f"at most {limit} items", got=len(items))
            found += items
            if page.get("next_cursor") is None:
                return found
            cursor = str(page["next_cursor"])
        expect(False, expected="an end of the list", got="1000 pages")
        return found

    def wait_for_event(
        self, event_id: str, accepts: Callable[[Json], bool], wanted: str, patience: float = PATIENCE_SECONDS
    ) -> Json:
        """Return the event once it is as wanted, or fail the check."""
        deadline = time.monotonic() + patience
        now = self.event(event_id)
        while not accepts(now) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            now = self.event(event_id)
        expect(accepts(now), expected=wanted, got=now)
        return now

    def wait_for_state(self, event_id: str, state: str, patience: float = PATIENCE_SECONDS) -> Json:
        return self.wait_for_event(
            event_id, lambda event: event.get("state") == state, f'"state": "{state}"', patience
        )

    def calls(self, source: Source, count: int, patience: float = PATIENCE_SECONDS) -> list[Received]:
        """Return what the destination got, once there are so many calls, or fail the check."""
        calls = self.sink.wait_for(source.sink, count, patience)
        got = f"{len(calls)} within {patience:.1f} s"
        expect(len(calls) >= count, expected=f"{count} calls of the destination", got=got, timing=True)
        return calls

    def burst(self, requests: Sequence[Request], *, timeout_seconds: float = 5.0) -> list[Exchange]:
        return burst(self.service.urls[0], requests, timeout_seconds=timeout_seconds)

    def burst_at_all(self, requests: Sequence[Request]) -> list[Exchange]:
        """Send the requests at the same instant, in turn to one web process and another."""
        urls = self.service.urls
        answers: dict[int, list[Exchange]] = {}

        def send(number: int, url: str) -> None:
            answers[number] = burst(url, requests[number :: len(urls)])

        senders = [threading.Thread(target=send, args=pair) for pair in enumerate(urls)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        return [answers[number % len(urls)][number // len(urls)] for number in range(len(requests))]

    def deliveries(self, source: Source, ids: Iterable[str]) -> list[Request]:
        """Return deliveries that are in order, to be sent in a burst."""
        key, body = key_of(source.secret), b'{"n": 4}'
        return [self.request(source, standard(key, message_id, body), body) for message_id in ids]

    def kill(self, instance: Instance) -> None:
        """Kill a process of the service; at the end of the check it runs again."""
        self.ended.append(instance)
        instance.kill()

    def make_whole(self) -> None:
        """Start again what the check has ended."""
        for worker in self.service.workers:
            worker.resume()
        for instance in self.ended:
            if not instance.alive:
                instance.restart()
        if self.is_ours and self.service.web in self.ended:
            wait_until_ready(self.service.web)

    @property
    def is_ours(self) -> bool:
        """Whether the verifier has started it."""
        try:
            return self.service.web.alive
        except NotRunError:
            return False


def accepted(answer: Exchange, status: int = ACCEPTED, wanted: str = "new") -> str:
    """Demand an acknowledgement of this kind, and return the event's id."""
    got = f"{describe_answer(answer)} {answer.text[:200]}"
    expect(
        answer.status == status,
        expected=f"{status} with status {wanted}",
        got=got,
        answer=answer,
        timing=in_doubt(answer),
    )
    document = as_object(answer)
    right = document.get("status") == wanted and isinstance(document.get("id"), str)
    expect(right, expected=f'"status": "{wanted}" and an id', got=document, answer=answer)
    return str(document["id"])


def in_doubt(answer: Exchange) -> bool:
    """Tell whether it may be for lack of processor time that this is not the answer that was wanted."""
    return answer.status in {0, UNAVAILABLE}


def objects(value: object, name: str) -> list[Json]:
    """Read a list of JSON objects."""
    right = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    expect(right, expected=f"{name}: a list of objects", got=value)
    return value if isinstance(value, list) else []


def statuses_of(event: Json) -> list[object]:
    return [attempt.get("status_code") for attempt in objects(event.get("attempts"), "attempts")]


def whole_seconds(answer: Exchange, most: int) -> None:
    """Demand a Retry-After in whole seconds."""
    value = answer.header("retry-after") or ""
    right = value.isascii() and value.isdigit() and 1 <= int(value) <= most
    expect(right, expected=f"Retry-After of 1 to {most} seconds", got=value or "none", answer=answer)
