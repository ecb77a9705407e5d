"""Bodies that no route may read, whatever is in them, and what became of each."""

from collections.abc import Sequence

from kata.steps import Draw, Exchange, Service, World, describe_answer, expect, is_problem, send_raw

from .api import OK, Api

UNSUPPORTED, TOO_LARGE = 415, 413
LIMIT_BYTES = 2**20

type Asked = list[tuple[int, str, Exchange]]
"""The status that each is to have, what it is, and its answer."""


def send_bodies(api: Api, service: Service, world: World, routes: Sequence[str]) -> Asked:
    """Send bodies that are too large, of another type, of none, or compressed, to each route."""
    asked: Asked = []
    types = (
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "image/png",
        "application/jsonp",
    )
    host = service.urls[0].removeprefix("http://")
    for path in routes:
        chosen = world.draw.shuffle(types)[:3]
        asked += [(UNSUPPORTED, f"{kind} to {path}", api.post(path, b"{}", kind)) for kind in chosen]
        asked.append((UNSUPPORTED, f"no type to {path}", api.client.request("POST", path, body=b"{}")))
        packed = {
            "Content-Type": "application/json",
            "Content-Encoding": world.draw.choice(("gzip", "br", "zstd")),
        }
        answer = api.client.request("POST", path, headers=packed, body=b"{}")
        asked.append((UNSUPPORTED, f"compressed to {path}", answer))
        asked.append((TOO_LARGE, f"too large to {path}", api.post(path, b"[" + b" " * LIMIT_BYTES)))
        # Nobody said beforehand how much would come.
        chunk = b"%x\r\n[%s\r\n" % (LIMIT_BYTES + 1, b" " * LIMIT_BYTES)
        lines = (f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json")
        head = "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""])
        answer = send_raw(service.urls[0], head.encode() + chunk + b"0\r\n\r\n")
        if answer.status:  # a server may close while it is still being sent to
            asked.append((TOO_LARGE, f"too large in chunks to {path}", answer))
    return asked


def judge_bodies(bodies: Asked) -> None:
    """Fail the check unless each got its status, and those that were refused a problem."""
    for status, what, answer in bodies:
        if status == OK:
            expect(answer.status == OK, expected=f"200 for {what}", got=describe_answer(answer))
        else:
            is_problem(answer, status)


def send_garbage(api: Api, draw: Draw, routes: Sequence[str]) -> list[Exchange]:
    """Send what is no text at all, and what breaks who tells of it, to the routes."""
    noise = bytes(draw.integer(0, 255) for _ in range(draw.integer(1, 300)))
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + noise
    garbage = [
        noise,
        png,
        b"\x00",
        b'{"messages": [[{"role": "R\\ud800"}]]}',
        b"[NaN]",
        b'{"a":Infinity}',
        b"-",
        b'"',
        b'{"placed_on":"\\ud800","items":1e999}',
        b"[" * draw.integer(201, 5000),
        b'{"a":' * 300,
        b"\xed\xa0\x80",
        b'{"\\ud800":1}',
        b'{"a":1,"a":NaN}',
        b"1" * 5000,
        b"1e" + b"9" * 500,
        b"--",
        b"\x1b[31m",
        noise.hex().encode(),
        b'{"schema":' + b'{"not":' * 250,
        "\N{GRINNING FACE}".encode("utf-16"),
        b"0" * 900_000,
        b'{"a":"' + b"\\" * 5001,
    ]
    answers = []
    for text in draw.shuffle(garbage):
        answers += [api.post(path, text) for path in draw.shuffle(routes)[:3]]
        answers.append(api.post(draw.choice(routes), text, draw.choice(("image/png", "text/html", "a/b"))))
    return answers


def judge_garbage(api: Api, answers: Sequence[Exchange]) -> None:
    """Fail the check unless each answer is a 4xx problem, and the service lives on."""
    for answer in answers:
        right = 400 <= answer.status < 500
        got = f"{describe_answer(answer)} {answer.text[:200]}"
        expect(right, expected=f"a 4xx for {answer.asked}", got=got, answer=answer)
        is_problem(answer, answer.status)
    health = api.client.get("/health")
    expect(health.status == OK, expected="200 from /health", got=describe_answer(health))
