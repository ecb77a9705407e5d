"""The ways to ask for a limited route: those that cost one request, and those that cost nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from kata.steps import Draw, Exchange, Request, describe_answer, expect, is_problem, send_raw

from .caller import ECHO, OK, PING, Caller

COUNTED, UNCOUNTED = True, False
ONE_MEBIBYTE = 2**20
BAD_REQUEST, NOT_FOUND, NOT_ALLOWED, TOO_LARGE, UNPROCESSABLE = 400, 404, 405, 413, 422
ALLOWED = {"GET", "HEAD", "OPTIONS"}
OTHER_METHODS = ("POST", "PUT", "DELETE", "PATCH")
UNLIMITED = ("/health", "/ready", "/metrics", "/openapi.json", "/docs")


@dataclass(frozen=True)
class Form:
    """A way to ask, and the statuses that it may get."""

    says: str
    counts: bool
    statuses: tuple[int, ...]
    ask: Callable[[Caller], Exchange]

    def judge(self, answer: Exchange) -> None:
        """Demand the status, and what belongs to it."""
        expected = f"{' or '.join(map(str, self.statuses))} for {self.says}"
        expect(answer.status in self.statuses, expected=expected, got=describe_answer(answer))
        if answer.status >= BAD_REQUEST:
            is_problem(answer, answer.status)
        if answer.status == NOT_ALLOWED or self.says.startswith("OPTIONS"):
            allowed = {method.strip() for method in (answer.header("allow") or "").split(",")}
            expect(
                allowed >= ALLOWED,
                expected=f"Allow: {', '.join(sorted(ALLOWED))}",
                got=answer.header("allow"),
                answer=answer,
            )


def counted_forms(client: Caller, draw: Draw) -> list[Form]:
    """Return the ways that cost one request; the first is the plain one."""
    others = [
        Form("HEAD", COUNTED, (OK,), lambda one: one.send(method="HEAD")),
        Form(
            "a query that the route does not know",
            COUNTED,
            (BAD_REQUEST,),
            lambda one: one.send(f"{one.path}?{draw.word()}={draw.word()}"),
        ),
        Form("another spelling by escapes", COUNTED, (OK,), lambda one: one.send(escaped(one.path, draw))),
        Form("an HTTP/1.0 request, on a connection of its own", COUNTED, (OK,), old_request),
        Form("a request that names the whole URL", COUNTED, (OK,), absolute_request),
        Form("an empty query", COUNTED, (OK,), lambda one: one.send(f"{one.path}?")),
        Form("a body", COUNTED, (OK,), with_a_body),
        Form("other headers", COUNTED, (OK,), lambda one: one.send(headers=stranger(one, draw))),
        Form("a request on a connection of its own", COUNTED, (OK,), alone),
    ]
    if client.route != PING:
        long = f"{ECHO}/{draw.text(draw.integer(65, 200))}"
        others.append(Form("a word that is too long", COUNTED, (UNPROCESSABLE,), lambda one: one.send(long)))
    return [Form("a plain request", COUNTED, (OK,), lambda one: one.send()), *draw.shuffle(others)]


def uncounted_forms(client: Caller, draw: Draw) -> list[Form]:
    """Return the ways that cost nothing, about as many as any limit."""
    methods = draw.shuffle(OTHER_METHODS)
    spellings = draw.shuffle(
        (
            client.path + "/",
            client.path.replace("/api/", "/api//"),
            client.path.replace("/api/", "/API/"),
            client.path.replace("/v1/", "/v1/./"),
            client.path.replace("ping", "Ping").replace("echo", "Echo"),
        )
    )[:3]
    forms = [method_form(method, client.route, (NOT_ALLOWED,)) for method in methods[:3]]
    forms.append(method_form("OPTIONS", client.route, (OK, 204)))
    forms += [path_form(path) for path in spellings]
    unlimited = draw.choice(UNLIMITED)
    forms.append(path_form(escaped(unlimited, draw), (OK,)))
    forms.append(method_form(methods[3], unlimited, (NOT_ALLOWED,)))
    forms.append(method_form("HEAD", unlimited, (OK,)))
    return [*forms, Form("a body that is too large", UNCOUNTED, (TOO_LARGE,), too_large)]


def method_form(method: str, path: str, statuses: tuple[int, ...]) -> Form:
    return Form(
        f"{method} {path}",
        UNCOUNTED,
        statuses,
        lambda one: one.http.request(method, one.path if path == one.route else path, headers=one.headers()),
    )


def path_form(path: str, statuses: tuple[int, ...] = (NOT_FOUND,)) -> Form:
    return Form(
        f"the path {path}",
        UNCOUNTED,
        statuses,
        lambda one: one.http.get(path, headers=one.headers()),
    )


def escaped(path: str, draw: Draw) -> str:
    """Write a letter of the path, or a slash behind the first, as its escape, in small or capital digits."""
    place = draw.choice([number for number, letter in enumerate(path) if letter not in "._" and number])
    digits = f"{ord(path[place]):02x}"
    return f"{path[:place]}%{draw.choice((digits, digits.upper()))}{path[place + 1 :]}"


def stranger(client: Caller, draw: Draw) -> dict[str, str]:
    """Return headers that another program, or another user of the same address, would send."""
    return {
        "User-Agent": f"{draw.word()}/{draw.integer(1, 9)}",
        "Accept-Language": draw.choice(("de", "en", "fr;q=0.5")),
        "Authorization": f"Bearer {draw.text(20)}",
        "Cookie": f"session={draw.text(12)}",
        **client.headers(),
    }


def with_a_body(client: Caller) -> Exchange:
    """A GET may have one, which means nothing."""
    body = client.draw.text(client.draw.integer(1, 40)).encode()
    client.sent.append(client.http.request("GET", client.path, headers=client.headers(), body=body))
    return client.sent[-1]


def alone(client: Caller) -> Exchange:
    (answer,) = client.throttler.service.burst([Request("GET", client.path, client.headers())])
    client.sent.append(answer)
    return answer


def old_request(client: Caller) -> Exchange:
    head = f"GET {client.path} HTTP/1.0\r\nX-Forwarded-For: {client.address}\r\n\r\n"
    client.sent.append(send_raw(client.throttler.service.urls[0], head.encode()))
    return client.sent[-1]


def absolute_request(client: Caller) -> Exchange:
    """Ask as one asks a proxy, which a server understands too (RFC 9112, section 3.2.2)."""
    url = client.throttler.service.urls[0]
    head = f"GET {url}{client.path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nConnection: close\r\n"
    client.sent.append(send_raw(url, f"{head}X-Forwarded-For: {client.address}\r\n\r\n".encode()))
    return client.sent[-1]


def too_large(client: Caller) -> Exchange:
    head = f"GET {client.path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client.address}\r\n"
    length = f"Content-Length: {ONE_MEBIBYTE + 1}\r\n\r\n"
    return send_raw(client.throttler.service.urls[0], f"{head}{length}".encode())
