"""Steps of conditions.feature: entity tags and digests."""

import re
import socket
from base64 import b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import md5, sha256, sha512
from urllib.parse import urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, burst, describe_answer, expect, is_problem, send_raw

from .store import (
    CREATED,
    MALFORMED,
    NO_CONTENT,
    NOT_FOUND,
    NOT_MODIFIED,
    OK,
    PRECONDITION,
    Store,
    field,
    is_hit,
)

scenarios("conditions.feature")

STRONG = re.compile(r'"[!#-~]+"')
TOGETHER = 16
DUELS = 60


@dataclass(frozen=True)
class Tagged:
    """An entry, and its tag."""

    key: bytes
    body: bytes
    etag: str


def tagged(store: Store, body: bytes | None = None) -> Tagged:
    key, body = store.key(), store.body() if body is None else body
    return Tagged(key, body, field(store.put(key, body), "etag"))


@when("an entry is stored, replaced by other bytes, and by the first ones", target_fixture="tags")
def an_entry_is_stored_and_replaced(store: Store) -> list[Tagged]:
    key = store.key()
    first = store.body(store.draw.integer(65_540, 200_000))
    at = store.draw.choice((0, len(first) - 1, store.draw.integer(1, len(first) - 2)))
    other = first[:at] + bytes([first[at] ^ 1]) + first[at + 1 :]  # as long, and one bit is another
    found = []
    for body in (first, other, first):
        put = store.put(key, body)
        answer = store.expect_hit(key, body)
        etag = field(answer, "etag")
        expect(field(put, "etag") == etag, expected=f"{etag} from PUT", got=put.header("etag"), answer=put)
        found.append(Tagged(key, body, etag))
    return found


@then("its strong ETag tells which bytes they are")
def its_strong_etag_tells_which_bytes_they_are(tags: list[Tagged]) -> None:
    first, other, again = (one.etag for one in tags)
    for etag in (first, other):
        expect(STRONG.fullmatch(etag) is not None, expected="a strong entity tag", got=etag)
    expect(first != other, expected="another ETag for other bytes", got=f"{first} for both")
    expect(first == again, expected=f"{first} for the same bytes", got=again)


@then("If-None-Match gets 304 if the tag is named, in any form, and the entry if not")
def if_none_match_gets_304(store: Store, tags: list[Tagged]) -> None:
    one, other = tags[-1], tags[1].etag
    bare = one.etag.strip('"')
    named = [
        one.etag,
        f"W/{one.etag}",
        "*",
        f"{other}, {one.etag}",
        f"W/{other},{one.etag} , W/{other}",
        f', "a,b",{one.etag}',
    ]
    unnamed = [other, f'"{bare[:-1]}"', f'"{bare}x"', f'"{bare.swapcase()}"', f'"W/{bare}"', '""']
    for text in store.draw.shuffle(named):
        method = store.draw.choice(("GET", "HEAD"))
        answer = store.ask(method, one.key, {"If-None-Match": text})
        is_unchanged = answer.status == NOT_MODIFIED and not answer.body
        expect(
            is_unchanged,
            expected=f"304 for If-None-Match: {text}",
            got=describe_answer(answer),
            answer=answer,
        )
    for text in store.draw.shuffle(unnamed):
        if text != one.etag:
            is_hit(store.ask("GET", one.key, {"If-None-Match": text}), one.body)
    lines = [("If-None-Match", other), ("If-None-Match", one.etag)]
    expect(
        status_of(store, one.key, lines) == NOT_MODIFIED,
        expected="304 for a list in two lines",
        got="another",
    )
    for text in (bare, f"{one.etag} {other}", f"w/{one.etag}", f"*, {one.etag}", f'{one.etag}, "'):
        for key in (one.key, store.key()):
            is_problem(store.ask("GET", key, {"If-None-Match": text}), MALFORMED)


def status_of(store: Store, key: bytes, lines: list[tuple[str, str]]) -> int:
    """Ask with header lines that are repeated."""
    head = store.head("GET", key, {}).removesuffix(b"\r\n")
    text = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return send_raw(store.service.urls[0], head + text.encode() + b"\r\n").status


@dataclass(frozen=True)
class Conditional:
    """A request with a condition on an entry, None for one that is not there."""

    what: str
    entry: Tagged | None
    key: bytes
    method: str
    holds: bool
    answer: Exchange


@when("PUT, DELETE and GET come with conditions that hold and that do not", target_fixture="asked")
def put_delete_and_get_come_with_conditions(store: Store) -> list[Conditional]:
    asked = []
    for method in ("PUT", "DELETE", "GET"):
        for is_there in (True, False):
            for name, text, holds in conditions_for(is_there=is_there, method=method):
                entry = tagged(store) if is_there else None
                key = entry.key if entry else store.key()
                value = text.replace("ETAG", entry.etag if entry else '"nothing"')
                body = b"new" if method == "PUT" else None
                if "\n" in value:
                    answer = in_lines(store, method, key, {name: value}, body)
                else:
                    answer = store.ask(method, key, {name: value}, body)
                what = f"{method} with {name}: {value!r} of {'an entry' if entry else 'nothing'}"
                asked.append(Conditional(what, entry, key, method, holds, answer))
    return asked


def in_lines(
    store: Store, method: str, key: bytes, headers: Mapping[str, str], body: bytes | None
) -> Exchange:
    """Ask with a field for each line of a value."""
    lines = {name: value.replace("\n", f"\r\n{name}: ") for name, value in headers.items()}
    length = {} if body is None else {"Content-Length": str(len(body))}
    return send_raw(store.service.urls[0], store.head(method, key, {**lines, **length}) + (body or b""))


def conditions_for(*, is_there: bool, method: str) -> list[tuple[str, str, bool]]:
    found = [
        ("If-Match", "ETAG", is_there),
        ("If-Match", "*", is_there),
        ("If-Match", '"other"', False),
        ("If-Match", '"other", ETAG', is_there),
        ("If-Match", '"other"\nETAG', is_there),
        ("If-Match", "W/ETAG", False),
    ]
    if method != "GET":
        found += [
            ("If-None-Match", "*", not is_there),
            ("If-None-Match", "ETAG", not is_there),
            ("If-None-Match", "W/ETAG", not is_there),
            ("If-None-Match", '"other"', True),
            ("If-None-Match", '"other"\nETAG', not is_there),
        ]
    return found


@then("those that do not hold get 412 and change nothing, and the others are done")
def those_that_do_not_hold_get_412(store: Store, asked: list[Conditional]) -> None:
    for one in asked:
        answer, entry = one.answer, one.entry
        if not one.holds and not (one.method == "GET" and entry is None):
            is_refused = answer.status == PRECONDITION
            expect(is_refused, expected=f"412 for {one.what}", got=describe_answer(answer), answer=answer)
        elif entry is None and one.method != "PUT":
            expect(answer.status == NOT_FOUND, expected=f"404 for {one.what}", got=describe_answer(answer))
        else:
            wanted = {"PUT": OK if entry else CREATED, "DELETE": NO_CONTENT, "GET": OK}[one.method]
            got = describe_answer(answer)
            expect(answer.status == wanted, expected=f"{wanted} for {one.what}", got=got, answer=answer)
        is_what_it_should_be(store, one)


def is_what_it_should_be(store: Store, one: Conditional) -> None:
    if one.holds and one.method == "PUT":
        store.expect_hit(one.key, b"new")
    elif one.entry is None or (one.holds and one.method == "DELETE"):
        store.expect_miss(one.key)
    else:
        store.expect_hit(one.key, one.entry.body)


@dataclass(frozen=True)
class Race:
    """Who wanted to be first, with what, and what each was told."""

    key: bytes
    bodies: list[bytes]
    answers: list[Exchange]


def race(store: Store, key: bytes, headers: Mapping[str, str]) -> Race:
    """Send all but the last byte of each upload to both processes, then the rest at once."""
    bodies = [store.body(store.draw.integer(10, 50_000)) for _ in range(TOGETHER)]
    requests = [store.request("PUT", key, headers, body) for body in bodies]
    half = TOGETHER // 2
    first, second = store.service.urls[:2]
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(burst, first, requests[:half])
        other = pool.submit(burst, second, requests[half:])
        return Race(key, bodies, [*one.result(), *other.result()])


@when(
    "many store other bytes under one key with If-None-Match: * at the same instant, by both processes",
    target_fixture="races",
)
def many_store_other_bytes_under_one_key(store: Store) -> list[Race]:
    for _ in range(DUELS):
        duel(store)
    return [race(store, store.key(), {"If-None-Match": "*"}) for _ in range(3)]


def duel(store: Store) -> None:
    """Let one client of each process send its last byte right behind the other's."""
    key = store.key()
    with ExitStack() as stack:
        connections = []
        for url in store.service.urls[:2]:
            address = urlsplit(url)
            connection = socket.create_connection((address.hostname or "", address.port or 80), 5)
            connections.append(stack.enter_context(connection))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(store.head("PUT", key, {"If-None-Match": "*", "Content-Length": "2"}) + b"x")
        for connection in connections:
            connection.sendall(b"y")
        statuses = [
            connection.recv(12).removeprefix(b"HTTP/1.1 ").decode("latin-1") for connection in connections
        ]
    expect(sorted(statuses) == ["201", "412"], expected="one 201 and one 412", got=sorted(statuses))


@then("one gets 201, the others 412, and its bytes are what is stored")
def one_gets_201(store: Store, races: list[Race]) -> None:
    for one in races:
        judge_race(store, one, CREATED)


def judge_race(store: Store, one: Race, status: int) -> None:
    statuses = sorted(answer.status for answer in one.answers)
    wanted = [status] + [PRECONDITION] * (TOGETHER - 1)
    expect(
        statuses == sorted(wanted),
        expected=f"one {status} and {TOGETHER - 1} times 412",
        got=statuses,
        timing=0 in statuses,
    )
    winner = next(number for number, answer in enumerate(one.answers) if answer.status == status)
    for process in (0, 1):
        store.expect_hit(one.key, one.bodies[winner], process=process)


@then("of many that replace it with If-Match one gets 200")
def of_many_that_replace_it_one_gets_200(store: Store, races: list[Race]) -> None:
    for one in races:
        etag = field(store.get(one.key), "etag")
        judge_race(store, race(store, one.key, {"If-Match": etag}), OK)


def sf(name: str, value: bytes) -> str:
    return f"{name}=:{b64encode(value).decode()}:"


@dataclass(frozen=True)
class Digested:
    """A PUT with a digest, over an entry that was there."""

    key: bytes
    body: bytes
    text: str
    is_right: bool
    answer: Exchange


@when(
    "bodies are stored with digests that are right, wrong, of two kinds, unknown and unreadable",
    target_fixture="digested",
)
def bodies_are_stored_with_digests(store: Store) -> list[Digested]:
    draw = store.draw
    found = []
    for body in (b"", store.body(), store.body(draw.integer(65_537, 300_000))):
        short, long = sf("sha-256", sha256(body).digest()), sf("sha-512", sha512(body).digest())
        not_short, not_long = (
            sf("sha-256", sha256(body + b"x").digest()),
            sf("sha-512", sha512(body + b"x").digest()),
        )
        unknown = sf("md5", md5(b"other", usedforsecurity=False).digest())
        texts = {
            short: True,
            long: True,
            f"{short}, {long}": True,
            f"{unknown}, {short};q=1": True,
            unknown: True,
            not_short: False,
            not_long: False,
            f"{short}, {not_long}": False,
            f"{not_short}, {long}": False,
            f"sha-256={sha256(body).hexdigest()}": False,
            sf("sha-256", sha512(body).digest()): False,
            short[:-1]: False,
        }
        for text, is_right in texts.items():
            name = draw.choice(("Content-Digest", "Repr-Digest"))
            key = store.key()
            store.put(key, b"old")
            found.append(Digested(key, body, text, is_right, store.ask("PUT", key, {name: text}, body)))
        for one, other in ((short, not_short), (not_short, short)):
            key = store.key()
            store.put(key, b"old")
            answer = store.ask("PUT", key, {"Content-Digest": one, "Repr-Digest": other}, body)
            found.append(Digested(key, body, f"{one} and {other}", is_right=False, answer=answer))
    return found


@then("those with a wrong or unreadable one get 400 and change nothing, and the others are stored")
def those_with_a_wrong_one_get_400(store: Store, digested: list[Digested]) -> None:
    for one in digested:
        if one.is_right:
            got = describe_answer(one.answer)
            expect(one.answer.status == OK, expected=f"200 for {one.text[:60]}", got=got, answer=one.answer)
        else:
            is_problem(one.answer, MALFORMED)
        store.expect_hit(one.key, one.body if one.is_right else b"old")


@then("each hit has the digest of its bytes")
def each_hit_has_the_digest_of_its_bytes(store: Store, digested: list[Digested]) -> None:
    for one in digested:
        if one.is_right:
            wanted = sf("sha-256", sha256(one.body).digest())
            answer = store.get(one.key)
            got = field(answer, "repr-digest")
            expect(wanted in got, expected=f"Repr-Digest: {wanted}", got=got, answer=answer)


@when("bodies are stored under keys that end with cas/ and a SHA-256", target_fixture="digested")
def bodies_are_stored_under_keys_that_end_with_cas(store: Store) -> list[Digested]:
    found = []
    for prefix in ("", f"{store.draw.word()}/", f"/{store.draw.word()}//x/"):
        for body in (b"", store.body(), store.body(100_000)):
            name = sha256(body).hexdigest()
            right, wrong = (
                f"{prefix}cas/{name}".encode(),
                f"{prefix}cas/{sha256(body + b'x').hexdigest()}".encode(),
            )
            others = [
                f"{prefix}xcas/{name}".encode(),
                f"{prefix}cas/{name}x".encode(),
                f"{prefix}ac/{name}".encode(),
            ]
            for key in (right, *others):
                sent = body if key == right else body + b"x"
                found.append(
                    Digested(key, sent, key.decode(), is_right=True, answer=store.ask("PUT", key, {}, sent))
                )
            found.append(
                Digested(
                    wrong, body, wrong.decode(), is_right=False, answer=store.ask("PUT", wrong, {}, body)
                )
            )
    return found


@then("those that have it are stored, and the others get 400 and change nothing")
def those_that_have_it_are_stored(store: Store, digested: list[Digested]) -> None:
    for one in digested:
        if one.is_right:
            is_stored = one.answer.status in {OK, CREATED}
            expect(
                is_stored, expected=f"stored: {one.text}", got=describe_answer(one.answer), answer=one.answer
            )
            store.expect_hit(one.key, one.body)
        else:
            is_problem(one.answer, MALFORMED)
            store.expect_miss(one.key)
