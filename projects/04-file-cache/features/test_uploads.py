"""Steps of uploads.feature: limits, refusals, and what breaks off."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, describe_answer, expect, is_problem, send_raw

from .bodies import comes_first, connected, digest, first_answer, in_chunks
from .store import (
    KEY_TOO_LONG,
    MALFORMED,
    PRECONDITION,
    TOO_LARGE,
    Store,
)

scenarios("uploads.feature")

CONTINUE = b"HTTP/1.1 100 "


@dataclass(frozen=True)
class Kept:
    """An entry that was there before, None for no entry, and what came instead of a change."""

    key: bytes
    before: bytes | None
    what: str
    answer: Exchange | None = None


def sent_raw(store: Store, key: bytes, headers: Mapping[str, str], data: bytes) -> Exchange:
    """PUT by hand."""
    return send_raw(store.service.urls[0], store.head("PUT", key, headers) + data)


def before(store: Store, body: bytes | None) -> bytes:
    key = store.key()
    if body is not None:
        store.put(key, body)
    return key


@when(
    "bodies of the limit and of one byte more are sent, with their length and in chunks",
    target_fixture="kept",
)
def bodies_of_the_limit_and_of_one_byte_more_are_sent(store: Store) -> list[Kept]:
    most = store.body(store.max_value_bytes)
    more = most + b"x"
    key = store.key()
    store.put(key, most)
    store.expect_hit(key, most)
    chunked = before(store, b"old")
    fields = {"Transfer-Encoding": "chunked"}
    answer = sent_raw(store, chunked, {**fields, "Content-Digest": digest(most)}, in_chunks(most))
    expect(
        answer.status < 300,
        expected="the limit, in chunks, is stored",
        got=describe_answer(answer),
        answer=answer,
    )
    store.expect_hit(chunked, most)
    kept = []
    for old in (b"old", None):
        key = before(store, old)
        kept.append(Kept(key, old, "413", store.ask("PUT", key, {}, more)))
        key = before(store, old)
        answer = sent_raw(store, key, {**fields, "Content-Digest": digest(more)}, in_chunks(more))
        kept.append(Kept(key, old, "413", answer))
    return kept


@then("the first are stored, the others get 413, and the old value stays")
def the_others_get_413(store: Store, kept: list[Kept]) -> None:
    for one in kept:
        is_refused(one)
        is_as_before(store, one)


def is_refused(one: Kept) -> None:
    """Expect one of the statuses that are named."""
    status = one.answer.status if one.answer is not None else 0
    named = [int(text) for text in one.what.split()]
    if one.answer is not None:
        is_problem(one.answer, status if status in named else named[0])


def is_as_before(store: Store, one: Kept) -> None:
    if one.before is None:
        store.expect_miss(one.key)
    else:
        store.expect_hit(one.key, one.before)


@dataclass(frozen=True)
class Announced:
    """What came, before any of the body was sent."""

    what: str
    status: int
    came: bytes


@when(
    "bodies are announced with Expect: 100-continue that are too large, have a bad field, or are not wanted",
    target_fixture="announced",
)
def bodies_are_announced(store: Store) -> list[Announced]:
    present = store.key()
    store.put(present, b"here")
    length = {"Content-Length": str(store.draw.integer(1, 900))}
    too_much = {"Content-Length": str(store.max_value_bytes + store.draw.integer(1, 10_000))}
    asked = [
        ("too large", TOO_LARGE, store.key(), too_much),
        ("a bad max-age", MALFORMED, store.key(), {**length, "Cache-Control": "max-age=1.5"}),
        ("If-None-Match: * of what is there", PRECONDITION, present, {**length, "If-None-Match": "*"}),
        ("If-Match of another", PRECONDITION, present, {**length, "If-Match": '"other"'}),
        ("a key of 1025 bytes", KEY_TOO_LONG, bytes(1025), length),
        ("If-Match: * of nothing", PRECONDITION, store.key(), {**length, "If-Match": "*"}),
    ]
    return [
        Announced(what, status, first_answer(store, key, headers))
        for what, status, key, headers in store.draw.shuffle(asked)
    ]


@then("the refusal comes first, and no 100")
def the_refusal_comes_first(announced: list[Announced]) -> None:
    for one in announced:
        comes_first(one.came, one.status, one.what)


@then("for a body that is wanted 100 comes first")
def for_a_body_that_is_wanted_100_comes_first(store: Store) -> None:
    key, body = store.key(), store.body()
    with connected(store) as connection:
        headers = {"Content-Length": str(len(body)), "Expect": "100-continue"}
        connection.sendall(store.head("PUT", key, headers))
        came = connection.recv(len(CONTINUE))
        expect(came == CONTINUE, expected="HTTP/1.1 100", got=came.decode("latin-1"))
        connection.sendall(body)
        while connection.recv(65_536):
            pass
    store.expect_hit(key, body)


@when("clients send all of a refused body before they read", target_fixture="kept")
def clients_send_all_of_a_refused_body_before_they_read(store: Store) -> list[Kept]:
    most = store.max_value_bytes
    kept = []
    for what, headers, size_bytes in store.draw.shuffle(
        (
            ("413", {}, most + store.draw.integer(1, 400_000)),
            ("400", {"Cache-Control": "max-age=-1"}, store.draw.integer(1_000_000, most)),
            ("412", {"If-Match": '"other"'}, store.draw.integer(1_000_000, most)),
        )
    ):
        key = before(store, b"old")
        length = {"Content-Length": str(size_bytes)}
        answer = sent_raw(store, key, {**headers, **length}, bytes(size_bytes))
        kept.append(Kept(key, b"old", what, answer))
    return kept


@then("each reads its refusal")
def each_reads_its_refusal(store: Store, kept: list[Kept]) -> None:
    for one in kept:
        is_refused(one)
        is_as_before(store, one)


@when("uploads end before they are complete, at many places", target_fixture="kept")
def uploads_end_before_they_are_complete(store: Store) -> list[Kept]:
    draw, kept = store.draw, []
    for old in (b"old", None):
        for size_bytes in (
            draw.integer(2, 3000),
            65_536 * draw.integer(1, 4),
            draw.integer(200_000, 900_000),
        ):
            body = store.body(size_bytes)
            cut = draw.choice((1, size_bytes - 1, draw.integer(1, size_bytes - 1)))
            key = before(store, old)
            left(store, key, {"Content-Length": str(size_bytes)}, body[:cut])
            kept.append(Kept(key, old, f"{cut} of {size_bytes} bytes"))
            key = before(store, old)
            chunked = {"Transfer-Encoding": "chunked", "Content-Digest": digest(body)}
            left(store, key, chunked, in_chunks(body[:cut], end=b""))
            kept.append(Kept(key, old, f"{cut} of {size_bytes} bytes in chunks"))
    return kept


def left(store: Store, key: bytes, headers: Mapping[str, str], data: bytes) -> None:
    """Send a part of a PUT, and hang up."""
    with connected(store) as connection:
        connection.sendall(store.head("PUT", key, headers) + data)
        connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while connection.recv(65_536):  # until it is through with it
                pass


@then("nothing new is stored, and what was there before is there")
def nothing_new_is_stored(store: Store, kept: list[Kept]) -> None:
    for one in kept:
        is_as_before(store, one)


@when(
    "bodies come in chunks without a digest, with both kinds of length, and with Content-Range",
    target_fixture="kept",
)
def bodies_come_in_chunks_without_a_digest(store: Store) -> list[Kept]:
    draw, kept = store.draw, []
    for old in (b"old", None):
        body = store.body()
        chunked = {"Transfer-Encoding": draw.choice(("chunked", "Chunked"))}
        key = before(store, old)
        kept.append(Kept(key, old, "411", sent_raw(store, key, chunked, in_chunks(body))))
        key = before(store, old)
        unknown = {**chunked, "Content-Digest": f"md5={digest(body).partition('=')[2]}"}
        kept.append(Kept(key, old, "411", sent_raw(store, key, unknown, in_chunks(body))))
        key = before(store, old)
        both = {**chunked, "Content-Length": str(draw.integer(1, len(body)))}
        kept.append(Kept(key, old, "400 411", sent_raw(store, key, both, in_chunks(body))))
        key = before(store, old)
        partial = {"Content-Range": f"bytes 0-{len(body) - 1}/{draw.choice((len(body), len(body) + 1, '*'))}"}
        kept.append(Kept(key, old, "400", store.ask("PUT", key, partial, body)))
    return kept


@then("they are refused, and nothing is stored")
def they_are_refused(store: Store, kept: list[Kept]) -> None:
    for one in kept:
        is_refused(one)
        is_as_before(store, one)
