"""Texts as deep and as large as may be, and beyond that."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kata.steps import Exchange, World, describe_answer, expect, is_problem

from .api import MALFORMED, OK, Api, Json

AT_ONCE_SECONDS = 0.25
BRACKETS = 100_000


def deep(world: World, levels: int) -> bytes:
    """Return a value that is nested so deep, in arrays and objects by turns as they are drawn."""
    openings = [world.draw.choice(("[", '{"a":')) for _ in range(levels)]
    closings = ["]" if opening == "[" else "}" for opening in reversed(openings)]
    return ("".join(openings[:-1]) + openings[-1][0] + "".join(closings)).encode()


@dataclass(frozen=True)
class Counted:
    """A value with as many members or strings as may be, or one more, and the code for it then."""

    fits: bool
    code: str
    value: Json


def with_objects(objects: int, members: int) -> list[Json]:
    """Return a value of so many members, of which some are those of objects."""
    return [*[{"a": 0}] * objects, *[0] * (members - 2 * objects)]


def counted_values(world: World, limits: Mapping[str, int]) -> list[Counted]:
    """Return arrays with as many members or strings as may be, and with one more."""
    members, strings = limits["MAX_MEMBERS"], limits["MAX_STRINGS"]
    listed: list[Counted] = []
    for more in (0, 1):
        half = world.draw.integer(2, members // 3)
        listed += [
            Counted(more == 0, "member_limit", [0] * (members + more)),
            Counted(more == 0, "member_limit", [[0] * half, [0] * (members - half - 2 + more)]),
            Counted(more == 0, "member_limit", with_objects(min(members // 2, strings), members + more)),
        ]
        if strings < members:
            listed.append(Counted(more == 0, "string_limit", [""] * (strings + more)))
        # Names are strings too.
        fitting = min(strings, members)
        names = {f"{number}": 0 for number in range(fitting // 2)}
        texts = ["t"] * (strings - len(names) + more)
        if len(names) + len(texts) + 2 <= members:
            listed.append(Counted(more == 0, "string_limit", [names, texts]))
    return listed


def compact(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def judge_limit(*, is_read: bool, answer: Exchange, code: str) -> None:
    if is_read:
        got = f"{describe_answer(answer)} {answer.text[:200]}"
        expect(answer.status in {OK, 201}, expected="a success at the limit", got=got, answer=answer)
    else:
        got_code = is_problem(answer, MALFORMED)["code"]
        expect(got_code == code, expected=code, got=got_code, answer=answer)


def judge_brackets(api: Api, routes: Sequence[str]) -> None:
    """Send brackets without end, and fail the check unless they are refused at once."""
    for path in routes:
        for text in (b"[" * BRACKETS, b'{"a":' * BRACKETS, b'{"schema":' + b"[" * BRACKETS):
            answer = api.post(path, text)
            code = is_problem(answer, MALFORMED)["code"]
            expect(code == "depth_limit", expected="depth_limit", got=code, answer=answer)
            seconds = answer.received - answer.sent
            expect(
                seconds < AT_ONCE_SECONDS,
                expected=f"an answer within {AT_ONCE_SECONDS} s",
                got=f"{seconds:.3f} s",
                answer=answer,
                timing=True,
            )
