"""Steps of folders.feature: what clients of WebDAV ask before they store."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, describe_answer, expect, is_problem, send_raw, wait_until

from .bodies import in_chunks
from .guarded import READ, UNTRUSTED, WRITE, Guarded, is_unknown
from .store import CREATED, MALFORMED, NO_HEADERS, TOO_LARGE, field, path_of

scenarios("folders.feature")

MULTISTATUS, FORBIDDEN, NOT_ALLOWED = 207, 403, 405
DAV = "{DAV:}"
CHUNKED = {"Transfer-Encoding": "chunked"}
# As a client asks: for some properties, or with no body for all.
QUERIES = (
    b"",
    b'<?xml version="1.0" encoding="utf-8" ?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>',
    b'<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/></prop></propfind>',
)


@dataclass(frozen=True)
class Seen:
    """What PROPFIND has told of a path."""

    key: bytes
    body: bytes | None
    etag: str | None
    answer: Exchange


def find(guarded: Guarded, key: bytes, headers: Mapping[str, str], query: bytes | None = None) -> Exchange:
    body = guarded.store.draw.choice(QUERIES) if query is None else query
    return guarded.store.ask("PROPFIND", key, {"Depth": "0", **headers}, body)


@when("PROPFIND and MKCOL come for entries and for paths where nothing is", target_fixture="seen")
def propfind_and_mkcol_come(guarded: Guarded) -> list[Seen]:
    store, draw = guarded.store, guarded.store.draw
    word = draw.word().encode()
    entries = [store.key(), word + b"/a b<&>", word + b"/%2f", word + b"//x"]
    folders = [b"", word, word + b"/", word + b"/\xc3\xa9<&>/", store.key() + b"/", store.key()]
    seen = []
    stale = store.key()
    times = {"Cache-Control": "max-age=1, stale-while-revalidate=900"}
    old = store.body()
    stored = store.put(stale, old, {**guarded.as_a(WRITE), **times})
    for key in draw.shuffle(entries):
        body = store.body(draw.integer(0, 70_000))
        put = store.put(key, body, guarded.as_a(WRITE))
        kind = draw.choice((READ, WRITE, UNTRUSTED))
        seen.append(Seen(key, body, field(put, "etag"), find(guarded, key, guarded.as_a(kind))))
        made = store.ask("MKCOL", key, guarded.as_a(WRITE))
        is_problem(made, NOT_ALLOWED)
        store_has(guarded, key, body)
    for key in draw.shuffle(folders):
        for _ in range(2):  # the second time as the first
            seen.append(
                Seen(key, None, None, find(guarded, key, guarded.as_a(draw.choice((READ, UNTRUSTED)))))
            )
            made = store.ask("MKCOL", key, guarded.as_a(draw.choice((WRITE, UNTRUSTED))))
            got = describe_answer(made)
            expect(made.status == CREATED, expected=f"201 for MKCOL of {key!r}", got=got, answer=made)
    for key in (entries[0], word):
        is_problem(store.ask("MKCOL", key, guarded.as_a(READ)), FORBIDDEN)
        is_unknown("MKCOL", store.ask("MKCOL", key))
        is_unknown("PROPFIND", find(guarded, key, NO_HEADERS, b""))
        for depth in ("1", "infinity", "x"):
            is_problem(find(guarded, key, {**guarded.as_a(READ), "Depth": depth}, b""), MALFORMED)
        none = store.ask("PROPFIND", key, guarded.as_a(READ), b"")
        is_problem(none, MALFORMED)
        is_problem(find(guarded, key, guarded.as_a(READ), b" " * 65_537), TOO_LARGE)
        head = store.head("PROPFIND", key, {**guarded.as_a(READ), "Depth": "0", **CHUNKED})
        chunks = in_chunks(b" " * draw.choice((65_537, draw.integer(65_538, 3_000_000))))
        is_problem(send_raw(store.service.urls[0], head + chunks), TOO_LARGE)
    own = store.key()
    body = store.body()
    put = store.put(own, body, guarded.as_a(UNTRUSTED))
    seen.append(Seen(own, body, field(put, "etag"), find(guarded, own, guarded.as_a(UNTRUSTED))))
    seen.append(Seen(own, None, None, find(guarded, own, guarded.as_a(READ))))
    wait_until(stored.received + 1.05)
    seen.append(Seen(stale, old, field(stored, "etag"), find(guarded, stale, guarded.as_a(READ))))
    return seen


def store_has(guarded: Guarded, key: bytes, body: bytes) -> None:
    answer = guarded.store.get(key, guarded.as_a(WRITE))
    expect(answer.body == body, expected="the entry as it was", got=describe_answer(answer), answer=answer)


@then("entries have their length and their tag, all else is a collection, and nothing has changed")
def entries_have_their_length(seen: list[Seen]) -> None:
    for one in seen:
        answer = one.answer
        is_found = answer.status == MULTISTATUS
        expect(is_found, expected=f"207 for {one.key!r}", got=describe_answer(answer), answer=answer)
        try:
            root = ET.fromstring(answer.body)
        except ET.ParseError as error:
            expect(holds=False, expected=f"XML for {one.key!r}", got=str(error), answer=answer)
            raise
        responses = root.findall(f"{DAV}response")
        expect(len(responses) == 1, expected="one response", got=len(responses), answer=answer)
        href = responses[0].findtext(f"{DAV}href") or ""
        is_it = unquote_to_bytes(href) == unquote_to_bytes(path_of(one.key)) and href.isascii()
        expect(is_it, expected=f"href {path_of(one.key)}", got=href, answer=answer)
        judge(one, responses[0])


def judge(one: Seen, response: ET.Element) -> None:
    properties = response.find(f"{DAV}propstat/{DAV}prop")
    found: dict[str, str | None] = {}
    if properties is not None:
        found = {name: properties.findtext(f"{DAV}{name}") for name in ("getcontentlength", "getetag")}
    is_folder = response.find(f"{DAV}propstat/{DAV}prop/{DAV}resourcetype/{DAV}collection") is not None
    expect(
        is_folder == (one.body is None),
        expected=f"{'a collection' if one.body is None else 'no collection'} at {one.key!r}",
        got="one" if is_folder else "none",
        answer=one.answer,
    )
    wanted = {} if one.body is None else {"getcontentlength": str(len(one.body)), "getetag": one.etag}
    for name, value in wanted.items():
        expect(found.get(name) == value, expected=f"{name} {value}", got=found.get(name), answer=one.answer)
