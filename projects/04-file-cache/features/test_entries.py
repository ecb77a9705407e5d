"""Steps of entries.feature: bodies and keys."""

import socket
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Instance, Stream, describe_answer, expect, is_problem, wait_until_ready

from .store import (
    BLOCK_BYTES,
    CREATED,
    KEY_TOO_LONG,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    Store,
    is_hit,
    path_of,
    unlike,
)

scenarios("entries.feature")

LONGEST_KEY_BYTES = 1024
SLOWLY_READ_BYTES = 12 * 1_048_576
TYPES = ("text/html; charset=utf-8", "application/json", "application/x-tar", "image/png", 'a/b; c="d, e"')


@dataclass(frozen=True)
class Item:
    """What was stored."""

    key: bytes
    body: bytes
    content_type: str | None = None


@when("bodies of many sizes and types are stored", target_fixture="items")
def bodies_of_many_sizes_and_types_are_stored(store: Store) -> list[Item]:
    draw = store.draw
    blocks = draw.integer(2, 9) * BLOCK_BYTES
    sizes = [0, 1, draw.integer(2, 4000), BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1]
    sizes += [blocks, blocks + draw.choice((-1, 1)), draw.integer(1_000_000, 2_200_000)]
    items = []
    for size_bytes in draw.shuffle(sizes):
        kind = draw.choice((*TYPES, None))
        item = Item(store.key(), store.body(size_bytes), kind)
        answer = store.put(item.key, item.body, {"Content-Type": kind} if kind else {})
        expect(answer.status == CREATED, expected="201 for a new entry", got=describe_answer(answer))
        items.append(item)
    # All values of a byte, and one that is a whole file of zeros.
    for body in (bytes(range(256)) * draw.integer(1, 300), bytes(draw.integer(1, 200_000))):
        items.append(Item(store.key(), body))
        store.put(items[-1].key, body)
    return items


@then("each is given back as it was, to GET and to HEAD")
def each_is_given_back_as_it_was(store: Store, items: list[Item]) -> None:
    for item in items:
        answer = store.expect_hit(item.key, item.body)
        wanted = item.content_type or "application/octet-stream"
        got = answer.header("content-type")
        expect(got == wanted, expected=f"Content-Type: {wanted}", got=got, answer=answer)
        head = store.ask("HEAD", item.key)
        expect(
            head.status == OK and not head.body,
            expected="200 without a body for HEAD",
            got=describe_answer(head),
        )
        for name in ("content-length", "content-type", "etag", "repr-digest"):
            same = answer.header(name) == head.header(name) is not None
            expect(same, expected=f"the {name} of GET on HEAD", got=head.header(name), answer=head)
        length = head.header("content-length")
        expect(
            length == str(len(item.body)),
            expected=f"Content-Length: {len(item.body)}",
            got=length,
            answer=head,
        )


@when(
    "bodies are stored under keys with slashes, dots, blanks, line ends and bytes that are no text",
    target_fixture="items",
)
def bodies_are_stored_under_keys_of_many_kinds(store: Store) -> list[Item]:
    draw, word = store.draw, store.draw.word().encode()
    other = draw.word().encode()
    keys = [
        word,
        word.upper(),
        word + b"/",
        b"/" + word,
        b"//" + word + b"//" + other,
        word + b"//" + other,
        word + b"/" + other,
        word + b"/./" + other,
        word + b"/../" + other,
        b"../" * draw.integer(1, 9) + b"etc/" + word,
        word + b"%2F" + other,
        word + b"%252F" + other,
        word + b" " + other,
        word + b"+" + other,
        word + b"?" + other,
        word + b"#" + other,
        word + b"\n",
        word + b"\r\n" + other,
        word + b"\x00",
        word + b"\xff",
        word + b"\xfe",
        word + "é".encode(),
        word + "é".encode("latin-1"),
        word + "\N{REPLACEMENT CHARACTER}".encode(),
        b".",
        b"..",
    ]
    items = [Item(key, key.hex().encode()) for key in draw.shuffle(keys)]
    for item in items:
        store.put(item.key, item.body)
    return items


@then("each is found under its own key, however that is escaped, and under no other")
def each_is_found_under_its_own_key(store: Store, items: list[Item]) -> None:
    client = store.service.client()
    for item in items:
        is_hit(client.get(path_of(item.key)), item.body)
        everything = "".join(f"%{byte:02x}" for byte in item.key)
        is_hit(client.get(f"/cache/{everything}"), item.body)
        is_hit(client.get(path_of(item.key, safe="")), item.body)
        query = f"?{store.draw.word()}={store.draw.word()}&x"
        is_hit(client.get(path_of(item.key) + query), item.body)
        put = client.request("PUT", path_of(item.key) + query, body=item.body)
        expect(put.status == OK, expected="200: it is the same key", got=describe_answer(put), answer=put)
    store.expect_miss(items[0].key + store.draw.word().encode())


@when("bodies are stored under keys of 1, 1024 and 1025 bytes, and under none", target_fixture="answers")
def bodies_are_stored_under_keys_of_many_lengths(store: Store) -> list[Exchange]:
    draw = store.draw
    one = bytes([draw.integer(0x30, 0x39)])
    longest = (draw.text(40) + "é" * LONGEST_KEY_BYTES).encode()[:LONGEST_KEY_BYTES]
    for key in (one, longest):
        store.put(key, b"found")
        store.expect_hit(key, b"found")
    method = draw.choice(("PUT", "GET", "HEAD", "DELETE"))
    body = b"x" if method == "PUT" else None
    return [store.ask(method, longest + b"x", body=body), store.ask("PUT", b"", body=b"x")]


@then("the first two are found, the third is 414 and the last 404")
def the_first_two_are_found(answers: list[Exchange]) -> None:
    too_long, none = answers
    got = describe_answer(too_long)
    expect(too_long.status == KEY_TOO_LONG, expected=f"414 for {too_long.asked[:6]}", got=got)
    is_problem(none, NOT_FOUND)


@when("an entry is stored, replaced and deleted, and deleted again")
def an_entry_is_stored_replaced_and_deleted(store: Store) -> None:
    for _ in range(2):  # the second time as the first
        key, first, second = store.key(), store.body(), store.body()
        replaced = store.put(key, first).status, store.put(key, second).status
        expect(replaced == (CREATED, OK), expected="201 and then 200", got=replaced)
        store.expect_hit(key, second)
        is_gone(store, key)
        again = store.put(key, first)
        expect(again.status == CREATED, expected="201 for what was deleted", got=describe_answer(again))
        store.expect_hit(key, first)
        for shorter in (first + second, second, second[:1], second[1:2]):
            store.put(key, shorter)
            store.expect_hit(key, shorter)
        is_gone(store, key)


def is_gone(store: Store, key: bytes) -> None:
    deleted = store.ask("DELETE", key)
    expect(deleted.status == NO_CONTENT, expected="204 for DELETE", got=describe_answer(deleted))
    store.expect_miss(key)
    is_problem(store.ask("DELETE", key), NOT_FOUND)


@then("the answers are 201, 200, 204 and 404, and the entry is what was said last")
def the_answers_are_what_they_should(store: Store) -> None:
    key = store.key()
    store.expect_miss(key)
    head = store.ask("HEAD", key)
    expect(head.status == NOT_FOUND, expected="404 for HEAD", got=describe_answer(head))


@dataclass
class Shared:
    """What all processes have to say of each key; None: it is gone."""

    bodies: dict[bytes, bytes | None] = field(default_factory=dict)


@when(
    "entries are stored, replaced and deleted by either, and both are killed and started again",
    target_fixture="shared",
)
def entries_are_stored_replaced_and_deleted_by_either(store: Store, second: Instance) -> Shared:
    draw, shared = store.draw, Shared()
    for turn in range(12):
        key, process = store.key(), turn % 2
        store.expect_miss(key, process=1 - process)  # who has seen it missing sees it come
        store.put(key, b"old", process=process)
        store.expect_hit(key, b"old", process=1 - process)
        shared.bodies[key] = b"old"
        if turn % 3:
            shared.bodies[key] = store.body(draw.integer(1, 200_000))
            store.put(key, shared.bodies[key] or b"", process=1 - process)
        if turn % 4 == 0:
            store.ask("DELETE", key, process=1 - process)
            shared.bodies[key] = None
    everywhere(store, shared)
    is_stored_while_another_starts(store, second, shared)
    both = (store.service.web, second)
    for instance in both:
        instance.kill()
    for instance in both:
        instance.restart()
    for instance in both:
        wait_until_ready(instance, timeout_seconds=20)
    return shared


def is_stored_while_another_starts(store: Store, second: Instance, shared: Shared) -> None:
    key, body = store.key(), store.body(200_000)
    headers = {"Content-Length": str(len(body)), "Cache-Control": "max-age=900"}
    with Stream(store.service.urls[0], path_of(key), headers, method="PUT") as stream:
        stream.send(body[:100_000])
        second.kill()
        second.restart()
        wait_until_ready(second, timeout_seconds=20)
        stream.send(body[100_000:])
        stream.end()
        answer = stream.answer()
    wanted = "201 for what was on its way at one process while another started"
    expect(answer.status == CREATED, expected=wanted, got=describe_answer(answer), answer=answer)
    shared.bodies[key] = body


@then("each process has said the same of each entry, before and after")
def each_process_has_said_the_same(store: Store, shared: Shared) -> None:
    everywhere(store, shared)


def everywhere(store: Store, shared: Shared) -> None:
    for process in (0, 1):
        for key, body in shared.bodies.items():
            if body is None:
                store.expect_miss(key, process=process)
            else:
                store.expect_hit(key, body, process=process)


@when(
    "a large entry is read slowly, while it is replaced, deleted and left to expire",
    target_fixture="readings",
)
def a_large_entry_is_read_slowly(store: Store) -> list[tuple[str, bytes, bytes]]:
    size_bytes = min(store.max_value_bytes, SLOWLY_READ_BYTES)
    readings = []
    for way in store.draw.shuffle(("replaced", "deleted", "expired")):
        key, body = store.key(), store.body(size_bytes)
        store.put(key, body, {"Cache-Control": "max-age=1" if way == "expired" else "max-age=900"})
        with begun(store, key) as connection:
            start = connection.recv(1000)
            if way == "replaced":
                store.put(key, b"new")
            elif way == "deleted":
                store.ask("DELETE", key)
            else:
                time.sleep(2)
            rest = bytearray(start)
            while some := connection.recv(1_048_576):
                rest += some
        readings.append((way, bytes(rest), body))
        if way == "replaced":
            store.expect_hit(key, b"new")
        else:
            store.expect_miss(key)
    return readings


def begun(store: Store, key: bytes) -> socket.socket:
    """Ask for an entry, and take nothing in yet but what is asked of the connection."""
    address = urlsplit(store.service.urls[0])
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(10)
    connection.connect((address.hostname or "", address.port or 80))
    connection.sendall(store.head("GET", key, {}))
    return connection


@then("the reader gets all of the old bytes, and the next reader what is there now")
def the_reader_gets_all_of_the_old_bytes(readings: list[tuple[str, bytes, bytes]]) -> None:
    for way, answer, wanted in readings:
        head, _, body = answer.partition(b"\r\n\r\n")
        is_whole = head.startswith(b"HTTP/1.1 200 ") and body == wanted
        got = f"{head[:20].decode('latin-1')!r} and {unlike(body, wanted)}"
        expect(is_whole, expected=f"the {len(wanted)} old bytes of what was {way}", got=got)
