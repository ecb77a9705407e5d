"""Steps of ranges.feature: parts of entries."""

from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, describe_answer, expect, is_problem

from .store import BLOCK_BYTES, NOT_MODIFIED, OK, PRECONDITION, Store, field, is_hit, unlike

scenarios("ranges.feature")

PARTIAL, UNSATISFIABLE = 206, 416


@dataclass(frozen=True)
class Asked:
    """A range of a body, the part that it stands for (None: the whole, empty: none), and the answer."""

    text: str
    body: bytes
    part: tuple[int, int] | None
    answer: Exchange


@when(
    "parts of entries are asked for: from the front, from the back, a byte, across blocks, and what is none",
    target_fixture="asked",
)
def parts_of_entries_are_asked_for(store: Store) -> list[Asked]:
    draw, asked = store.draw, []
    for size_bytes in (
        draw.integer(20, 3000),
        BLOCK_BYTES,
        draw.integer(3, 6) * BLOCK_BYTES + draw.integer(1, 999),
    ):
        key, body = store.key(), store.body(size_bytes)
        store.put(key, body)
        asked += [
            Asked(text, body, part, store.get(key, {"Range": text}))
            for text, part in draw.shuffle(ranges(store, size_bytes).items())
        ]
    empty = store.key()
    store.put(empty, b"")
    asked += [
        Asked(text, b"", (0, 0), store.get(empty, {"Range": text})) for text in ("bytes=0-", "bytes=-5")
    ]
    return asked


def ranges(store: Store, size: int) -> dict[str, tuple[int, int] | None]:
    """Return ranges with the part that each stands for, from a byte to before another."""
    draw = store.draw
    first = draw.integer(1, size - 3)
    last = draw.integer(first + 1, size - 2)
    edge = BLOCK_BYTES if size > BLOCK_BYTES else size // 2
    tail = draw.integer(1, size - 1)
    return {
        "bytes=0-0": (0, 1),
        "bytes=0-": (0, size),
        f"bytes={size - 1}-": (size - 1, size),
        f"bytes={first}-{last}": (first, last + 1),
        f"bytes={first}-{first}": (first, first + 1),
        f"bytes={first}-": (first, size),
        f"bytes={edge - 1}-{edge}": (edge - 1, edge + 1),
        f"bytes={edge}-{edge + 1}": (edge, edge + 2),
        f"bytes={first}-{size - 1}": (first, size),
        f"bytes={first}-{size + draw.integer(0, 9)}": (first, size),
        f"bytes={first}-{10 ** draw.integer(18, 60)}": (first, size),
        f"bytes=-{tail}": (size - tail, size),
        f"bytes=-{size}": (0, size),
        f"bytes=-{size + draw.integer(1, 99)}": (0, size),
        f"Bytes={first}-{last}": (first, last + 1),
        f"bytes={size}-": (0, 0),
        f"bytes={size}-{size}": (0, 0),
        f"bytes={10 ** draw.integer(19, 60)}-": (0, 0),
        "bytes=-0": (0, 0),
        f"bytes={last}-{first}": None,
        f"bytes={first}": None,
        f"bytes={first}-{last}x": None,
        f"bytes=-{first}-{last}": None,
        f"bytes=+{first}-{last}": None,
        f"items={first}-{last}": None,
        "bytes=": None,
        "bytes=-": None,
        f"bytes=0-1,{first}-{last}": None,
        f"bytes=0-{last},0-{last},0-{last}": None,
    }


@then(
    "each part is 206 with its place and its bytes, what is beyond the end is 416, and all else is the whole"
)
def each_part_is_206(asked: list[Asked]) -> None:
    for one in asked:
        if one.part is None:
            is_hit(one.answer, one.body)
            expect(
                one.answer.header("content-range") is None,
                expected="no Content-Range",
                got="one",
                answer=one.answer,
            )
        elif one.part == (0, 0):
            # What is empty has no part, and the whole of it is as good an answer.
            if one.body or one.answer.status != OK:
                is_problem(one.answer, UNSATISFIABLE)
                place = field(one.answer, "content-range")
                wanted = f"bytes */{len(one.body)}"
                expect(place == wanted, expected=wanted, got=place, answer=one.answer)
        else:
            is_part(one.answer, one.body, *one.part, one.text)


def is_part(answer: Exchange, body: bytes, first: int, end: int, text: str) -> None:
    got = describe_answer(answer)
    expect(answer.status == PARTIAL, expected=f"206 for {text} of {len(body)}", got=got, answer=answer)
    place = field(answer, "content-range")
    wanted = f"bytes {first}-{end - 1}/{len(body)}"
    expect(place == wanted, expected=f"Content-Range: {wanted}", got=place, answer=answer)
    same = answer.body == body[first:end]
    expect(
        same, expected=f"bytes {first} to {end - 1}", got=unlike(answer.body, body[first:end]), answer=answer
    )
    for name in ("etag", "age", "cache-control", "cache-status"):
        field(answer, name)


@when(
    "parts are asked for with If-Range, with conditions, and with methods that have none",
    target_fixture="ranged",
)
def parts_are_asked_for_with_if_range(store: Store) -> tuple[bytes, bytes, str]:
    key, body = store.key(), store.body(store.draw.integer(100, 200_000))
    return key, body, field(store.put(key, body), "etag")


@then("the part comes for the same strong tag alone, and conditions decide before")
def the_part_comes_for_the_same_strong_tag_alone(store: Store, ranged: tuple[bytes, bytes, str]) -> None:
    key, body, etag = ranged
    first = store.draw.integer(0, 50)
    last = store.draw.integer(first, 90)
    text = f"bytes={first}-{last}"
    is_part(store.get(key, {"Range": text, "If-Range": etag}), body, first, last + 1, text)
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    for other in store.draw.shuffle((f"W/{etag}", '"other"', date, etag.strip('"'), f'{etag}, "x"', "*")):
        is_hit(store.get(key, {"Range": text, "If-Range": other}), body)
    beyond = f"bytes={len(body)}-"
    is_hit(store.get(key, {"Range": beyond, "If-Range": '"other"'}), body)
    for asked in (text, beyond):
        same = store.get(key, {"Range": asked, "If-None-Match": etag})
        expect(same.status == NOT_MODIFIED, expected="304", got=describe_answer(same), answer=same)
        is_problem(store.get(key, {"Range": asked, "If-Match": '"other"'}), PRECONDITION)
        head = store.ask("HEAD", key, {"Range": asked})
        length = head.header("content-length")
        is_whole = (head.status, length) == (OK, str(len(body)))
        expect(
            is_whole,
            expected=f"200 and {len(body)} for HEAD",
            got=f"{describe_answer(head)} and {length}",
            answer=head,
        )
    is_part(store.get(key, {"Range": text, "If-Match": etag}), body, first, last + 1, text)
    whole = store.get(key)
    expect(
        whole.header("accept-ranges") == "bytes",
        expected="Accept-Ranges: bytes",
        got=whole.header("accept-ranges"),
    )
