"""Bodies with one thing wrong each, and where the refusal has to point."""

from dataclasses import dataclass

from kata.steps import Draw, Exchange, expect

from .office import Json, pointers_of


@dataclass(frozen=True)
class Refusal:
    """What was asked for, where its mistake is, and the answer."""

    body: Json
    pointer: str
    answer: Exchange


def are_refused(refusals: list[Refusal]) -> None:
    """Demand a 422 with the right pointer of each."""
    rule = "bad input is refused with 422, and errors[] points at the mistake"
    for refusal in refusals:
        got = pointers_of(refusal.answer, f"{rule}: {refusal.body}")
        wanted = f"a pointer to {refusal.pointer} for {refusal.body}"
        expect(refusal.pointer in got, expected=wanted, got=refusal.answer.text[:300], rule=rule)


def odd_text(draw: Draw) -> str:
    """Return a text with what programs like to tidy up, escape, cut or count in their own way."""
    parts = ["  ", "\n", "\t", "e\u0301", "\U0001d11e", "👩‍🚀", "\u202e", "%s", "<b>&amp;</b>", "'\"\\"]
    ends = draw.shuffle([" ", "\r\n", "\u3000", "\u00a0"])
    return ends[0] + "".join(draw.shuffle(parts)) + draw.word() + draw.choice(["null", "true", "7"]) + ends[1]


def refused_changes(draw: Draw) -> list[tuple[dict[str, object], str]]:
    """Return changes to a body that is in order, each of which makes it one to refuse; `...` leaves out."""
    word = draw.word()
    later = draw.integer(2030, 2090)
    return [
        ({"title": None}, "/title"),
        ({"title": draw.integer(1, 9)}, "/title"),
        ({"title": [word]}, "/title"),
        ({"title": ""}, "/title"),
        ({"title": f"{word}\0"}, "/title"),
        ({"title": ...}, "/title"),
        ({"notes": draw.integer(1, 9)}, "/notes"),
        ({"notes": f"\0{word}"}, "/notes"),
        ({"notes": True}, "/notes"),
        ({"status": word}, "/status"),
        ({"status": "OPEN"}, "/status"),
        ({"status": None}, "/status"),
        ({"due_at": word}, "/due_at"),
        ({"due_at": ""}, "/due_at"),
        ({"due_at": f"{later}-02-30T10:00:00Z"}, "/due_at"),
        ({"due_at": f"{later}-13-01T10:00:00Z"}, "/due_at"),
        ({"due_at": f"{draw.choice([1900, 2100, 2200])}-02-29T10:00:00Z"}, "/due_at"),
        ({"due_at": f"{2 * draw.integer(1015, 1040) + 1}-02-29T10:00:00Z"}, "/due_at"),
        ({"due_at": f"{later}-05-06T24:00:00Z"}, "/due_at"),
        ({"due_at": f"{later}-05-06T10:00:60Z"}, "/due_at"),
        ({"due_at": f"{later}-05-06T10:00:00"}, "/due_at"),
        ({"due_at": f"{later}-05-06T10:00:00+24:00"}, "/due_at"),
        ({"due_at": f"{later}-05-06"}, "/due_at"),
        ({"due_at": later}, "/due_at"),
        ({word: True}, f"/{word}"),
        ({"id": str(draw.uuid())}, "/id"),
        ({"created_at": f"{later}-05-06T10:00:00Z"}, "/created_at"),
        ({"owner": {"id": str(draw.uuid())}}, "/owner"),
        ({"version": draw.integer(1, 9)}, "/version"),
    ]


def without_omitted(body: Json) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not ...}


def unreadable(draw: Draw) -> list[bytes]:
    """Return what is no JSON, or JSON that two readers may read differently."""
    word = draw.word()
    title = f'"title": "{word}"'.encode()
    return [
        b"",
        b"{",
        word.encode(),
        b"{" + title + b",}",
        b"{" + title + b"} {}",
        b"{'title': '" + word.encode() + b"'}",
        b'{"title": "\xff\xfe' + word.encode() + b'"}',
        b'{"title": "' + word.encode() + b'\\ud800"}',
        b"{" + title + b', "notes": NaN}',
        b"{" + title + b', "notes": -Infinity}',
        b'{"title": "x", ' + title + b"}",
        b'{"\\u0074itle": "x", ' + title + b"}",
        b"{" + title + b', "notes": ' + b"[" * draw.integer(3000, 9000) + b"}",
        b"\xef\xbb\xbf\x00" + word.encode(),
    ]


def no_objects(draw: Draw) -> list[bytes]:
    word = draw.word()
    return [b"null", b"true", b"7", f'"{word}"'.encode(), b"[]", f'[{{"title": "{word}"}}]'.encode()]


def other_types(right: str) -> list[str | None]:
    """Return types that are not the right one; None is none."""
    wrong = [
        None,
        "text/plain",
        "text/json",
        "application/msgpack",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        f"{right}; charset=iso-8859-1",
        f"{right}; charset=utf-16",
        "application/jsonx",
        "application/xml",
    ]
    other = {"application/json": "application/merge-patch+json"}.get(right, "application/json")
    return [*wrong, other]
