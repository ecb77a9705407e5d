"""Texts that are no strict JSON, what is to be said of each, and what was."""

from collections.abc import Sequence
from dataclasses import dataclass

from kata.steps import Exchange, World, expect, is_problem

from .api import MALFORMED, Api


@dataclass(frozen=True)
class Text:
    """A text with a fault, how many bytes stand before the fault, the code for it, and the answer."""

    text: bytes
    offset: int | None
    code: str
    answer: Exchange

    @property
    def place(self) -> dict[str, int]:
        before = self.text[: self.offset].decode(errors="replace")
        lines = before.split("\n")
        return {"offset": self.offset or 0, "line": len(lines), "column": len(lines[-1]) + 1}


def faults(world: World) -> list[tuple[str, bytes, str]]:
    """Return what may stand before the fault, the fault and what follows, and its code."""
    draw = world.draw
    word = draw.word()
    before = draw.choice(
        ("", "[", f'["{word}",\n', '{"é\N{GRINNING FACE}":\n\n  ', f'{{"{word}": [1, {{}}, ', "\n\t [[[")
    )
    value_faults: list[tuple[bytes, str]] = [
        (b"NaN", "unexpected_character"),
        (b"Infinity", "unexpected_character"),
        (b"'a'", "unexpected_character"),
        (b"undefined", "unexpected_character"),
        (b"// a\n1", "unexpected_character"),
        (b"/* */ 1", "unexpected_character"),
        (b"+1", "unexpected_character"),
        (b".5", "unexpected_character"),
        (b",", "unexpected_character"),
        (b"", "unexpected_end"),
        (b"True", "unexpected_character"),
        (b"\x00", "unexpected_character"),
        (b"\x0b1", "unexpected_character"),
        (b"\xc2\xa01", "unexpected_character"),
        (b"\xff", "invalid_utf8"),
        (b"\xc0\xaf", "invalid_utf8"),
        (b"\xed\xa0\x80", "invalid_utf8"),
        (b"\xf4\x90\x80\x80", "invalid_utf8"),
        (b"\x80", "invalid_utf8"),
    ]
    made = [(before, fault, code) for fault, code in value_faults]
    inside = f'{before}"{word}'
    made += [
        ('"\u00e9\N{GRINNING FACE}', b'\x01"', "unexpected_character"),
        (inside, b'\n"', "unexpected_character"),
        (inside, b'\x1f"', "unexpected_character"),
        (inside, b"", "unexpected_end"),
        (inside, b'\xff"', "invalid_utf8"),
        (inside, b'\xe2\x82"', "invalid_utf8"),
        (inside, b'\\ud800"', "lone_surrogate"),
        (inside, b'\\uDFFF"', "lone_surrogate"),
        (inside, b'\\ud83dx"', "lone_surrogate"),
        (inside, b'\\ud83d\\u0041"', "lone_surrogate"),
        (inside, b'\\ud83d\\ud83d\\ude00"', "lone_surrogate"),
        (f"{inside}\\ud83d\\ude00", b'\\ude00"', "lone_surrogate"),
        (f'{{"{word}" ', b"1}", "unexpected_character"),
        (f'{{"{word}":1,', b"}", "unexpected_character"),
        ("[1,", b"]", "unexpected_character"),
        ("[1 ", b"2]", "unexpected_character"),
        ("[1", b"}", "unexpected_character"),
        ("{", b"1:2}", "unexpected_character"),
        ("{", b"a:2}", "unexpected_character"),
        ('{"a":1', b"", "unexpected_end"),
        ("1 ", b"2", "trailing_data"),
        ("{}\n", b"{}", "trailing_data"),
        ('["a"]', b"]", "trailing_data"),
        ("null", b",", "trailing_data"),
        ("", b"\xef\xbb\xbf1", "byte_order_mark"),
        ("", b"\xef\xbb\xbf", "byte_order_mark"),
        ("", b"\xff\xfe1\x00", "invalid_utf8"),
        ("", "1".encode("utf-16-be"), "unexpected_character"),
        ("", b"", "unexpected_end"),
        (" \n", b"", "unexpected_end"),
    ]
    return made


# Where exactly the fault in these is, and what it is called, is a matter of taste.
VAGUE = (
    b"-Infinity",
    b"[nul",
    b"01",
    b"1.",
    b"1e",
    b"-",
    b"1.e3",
    b"tru",
    b"nulll",
    b'"\\x"',
    b'"\\u12"',
    b"0x1",
    b"1_000",
    b"--1",
    b"truefalse",
)


def send_texts(api: Api, world: World, routes: Sequence[str]) -> list[Text]:
    """Send texts with one fault each to the routes by turns."""
    texts = []
    for number, (before, fault, code) in enumerate(world.draw.shuffle(faults(world))):
        text = before.encode() + fault
        answer = api.post(routes[number % len(routes)], text)
        texts.append(Text(text, len(before.encode()), code, answer))
    for number, text in enumerate(VAGUE):
        texts.append(Text(text, None, "", api.post(routes[number % len(routes)], text)))
    return texts


def judge_texts(texts: Sequence[Text]) -> None:
    """Fail the check unless each got 400 with the place of its fault."""
    for one in texts:
        body = is_problem(one.answer, MALFORMED, f"{one.text[:80]!r} is no strict JSON")
        if one.offset is None:
            continue
        got = {name: body.get(name) for name in ("code", "offset", "line", "column")}
        wanted = {"code": one.code, **one.place}
        expect(got == wanted, expected=f"{wanted} for {one.text[:80]!r}", got=got, answer=one.answer)


def send_twice(api: Api, world: World, routes: Sequence[str]) -> list[tuple[Text, str]]:
    """Send objects with a name twice to the routes by turns; return each with the pointer to the second."""
    word = world.draw.word()
    spelled = "".join(f"\\u{ord(letter):04X}" for letter in word)
    listed = [
        (f'{{"{word}":1,', f'"{word}":1}}', f"#/{word}"),
        (f'{{"{word}":1,"b":2,', f'"{spelled}":3}}', f"#/{word}"),
        (f'{{"{spelled}":{{}},\n', f'"{word}":[]}}', f"#/{word}"),
        (f'[0,{{"c":{{"{word}":1, ', f'"{word}":2}}}}]', f"#/1/c/{word}"),
        ('{"":1,', '"":2}', "#/"),
        ('{"a/b":1,', '"a\\/b":2}', "#/a~1b"),
        ('{"__proto__":1,', '"__proto__":2}', "#/__proto__"),
        ('{"\N{GRINNING FACE}":1,', '"\\ud83d\\ude00":2}', "#/%F0%9F%98%80"),
    ]
    asked = []
    for number, (before, rest, place) in enumerate(world.draw.shuffle(listed)):
        text = (before + rest).encode()
        answer = api.post(routes[number % len(routes)], text)
        asked.append((Text(text, len(before.encode()), "duplicate_name", answer), place))
    return asked


def judge_twice(twice: Sequence[tuple[Text, str]]) -> None:
    """Fail the check unless each got 400 with the pointer and the place of the second name."""
    for one, place in twice:
        body = is_problem(one.answer, MALFORMED, f"{one.text!r} has a name twice")
        got = {name: body.get(name) for name in ("code", "pointer", "offset", "line", "column")}
        wanted = {"code": one.code, "pointer": place, **one.place}
        expect(got == wanted, expected=f"{wanted} for {one.text!r}", got=got, answer=one.answer)
