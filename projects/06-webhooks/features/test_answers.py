"""Steps of answers.feature: what is refused, and what is too much."""

import gzip
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    Stream,
    describe_answer,
    expect,
    is_problem,
)

from .desk import (
    ACCEPTED,
    API,
    GONE,
    LIMITED,
    NOT_FOUND,
    OK,
    TOO_LARGE,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNSUPPORTED,
    Desk,
    accepted,
    whole_seconds,
)
from .sender import Source, key_of, random_bytes, standard

LIMIT_BYTES = 2**20
SOON_SECONDS = 15

scenarios("answers.feature")


@dataclass(frozen=True)
class Asked:
    """What was asked, the answer, and the status that it should have."""

    what: str
    answer: Exchange
    status: int


@when("deliveries come to no source, to a retired one, too large, and compressed", target_fixture="asked")
def deliveries_come_to_no_source(service: Desk) -> list[Asked]:
    source, retired = service.with_key(), service.with_key()
    body, draw = b'{"n": 3}', service.draw
    path = f"{API}/sources/{retired.name}"
    changed = service.http.request("PATCH", path, json={"state": "retired"})
    expect(changed.status == OK, expected="200 for a state", got=describe_answer(changed))
    key = key_of(source.secret)

    def post(path: str, headers: dict[str, str], body: bytes = body) -> Exchange:
        return service.sender.request("POST", path, headers=headers, body=body)

    def fresh(body: bytes = body, key: bytes = key) -> dict[str, str]:
        return standard(key, service.message_id(), body)

    packed = gzip.compress(body)
    coding = draw.choice(["gzip", "br", "zstd", "GZip", "compress", "identity, br"])
    paths = {
        "an unknown source": f"/in/{draw.word()}",
        "its name in capitals": source.path.upper().replace("/IN/", "/in/"),
        "a slash at its end": f"{source.path}/",
        "a character that PostgreSQL cannot hold": "/in/%00",
        "a part of its name": source.path[:-1],
    }
    asked = [Asked(what, post(path, fresh()), NOT_FOUND) for what, path in paths.items()]
    asked.append(Asked("a retired source", post(retired.path, fresh(key=key_of(retired.secret))), GONE))
    asked.append(
        Asked(
            f"a body in the coding {coding}",
            post(source.path, {**fresh(packed), "Content-Encoding": coding}, packed),
            UNSUPPORTED,
        )
    )
    for size, status in ((LIMIT_BYTES, ACCEPTED), (LIMIT_BYTES + 1, TOO_LARGE)):
        large = draw.choice("xyz").encode() * size
        answer = streamed(service, source, fresh(large), large, to_its_end=True)
        asked.append(Asked(f"{size} bytes in chunks", answer, status))
    huge = b"x" * (LIMIT_BYTES + 200_000)
    answer = streamed(service, source, fresh(huge), huge, to_its_end=False)
    return [*asked, Asked("too much, before its end", answer, TOO_LARGE)]


def streamed(
    service: Desk, source: Source, headers: dict[str, str], body: bytes, *, to_its_end: bool
) -> Exchange:
    """Send a body in chunks, whose length nobody has announced."""
    with Stream(service.service.urls[0], source.path, headers) as stream:
        for place in range(0, len(body), 60_000):
            stream.send(body[place : place + 60_000])
        if to_its_end:
            stream.end()
        return stream.answer()


@then("each gets its status as a problem, and the large one before its end")
def each_gets_its_status_as_a_problem(asked: list[Asked]) -> None:
    for one in asked:
        if one.status == ACCEPTED:
            accepted(one.answer)
        else:
            is_problem(one.answer, one.status, f"{one.status} for {one.what}")


@dataclass(frozen=True)
class Limited:
    """A source with a limit, and the answers to what it sent."""

    source: Source
    limit: int
    forged: list[Exchange]
    answers: list[Exchange]
    later: list[Exchange]


@when(
    "a source with a limit sends more than that at the same instant, to all web processes",
    target_fixture="limited",
)
def a_source_with_a_limit_sends_more(service: Desk) -> Limited:
    limit = service.draw.integer(5, 14)
    source = service.with_key(limit_per_minute=limit)
    stranger = random_bytes(service.draw, 32)
    body, key = b"{}", key_of(source.secret)
    if datetime.now(UTC).second >= 53:  # nothing may fall into the next minute
        time.sleep(60.2 - datetime.now(UTC).second)
    minute = datetime.now(UTC).minute
    forged = [
        service.send(source, standard(stranger, service.message_id(), body), body) for _ in range(limit)
    ]
    message_id = service.message_id()
    first = [service.send(source, standard(key, message_id, body), body) for _ in range(2)]
    time.sleep(1.05 - time.time() % 1)  # it is a minute that counts, and not a second
    requests = [
        service.request(source, standard(key, service.message_id(), body), body) for _ in range(limit + 6)
    ]
    answers = [*first, *service.burst_at_all(requests)]
    if datetime.now(UTC).minute != minute:
        raise Inconclusive("a minute ended meanwhile")
    return Limited(source, limit, forged, answers, in_the_next_minute(service, source))


def in_the_next_minute(service: Desk, source: Source) -> list[Exchange]:
    """Send once more when the minute is over, if that is soon."""
    left = 60 - time.time() % 60
    if left > SOON_SECONDS:
        return []
    time.sleep(left + 0.2)
    return service.burst(service.deliveries(source, [service.message_id()]))


@then(
    "as many as its limit get 202, the others get 429 with Retry-After, and no event is made of them",
)
def as_many_as_its_limit_get_202(service: Desk, limited: Limited) -> None:
    statuses = sorted(answer.status for answer in limited.answers)
    new = limited.limit - 1  # one was a duplicate
    for answer in limited.later:
        accepted(answer)
    wanted = [OK] + [ACCEPTED] * new + [LIMITED] * (len(statuses) - limited.limit)
    lost = any(status in {0, UNAVAILABLE} for status in statuses)
    expect(statuses == wanted, expected=f"a duplicate, {new} times 202, else 429", got=statuses, timing=lost)
    for answer in limited.answers:
        if answer.status == LIMITED:
            is_problem(answer, LIMITED)
            whole_seconds(answer, 60)
    found = service.listed(100, source=limited.source.name)
    made = new + len(limited.later)
    expect(len(found) == made, expected=f"{made} events", got=len(found))


@then("forged deliveries use nothing of it up")
def forged_deliveries_use_nothing_of_it_up(limited: Limited) -> None:
    for answer in limited.forged:
        is_problem(answer, UNAUTHORIZED)
