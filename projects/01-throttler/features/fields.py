"""The rate-limit fields of an answer, read strictly (draft-ietf-httpapi-ratelimit-headers, RFC 9651)."""

import re

from kata.steps import Exchange, expect

_ITEM = re.compile(
    r'"(?P<name>[\x20\x21\x23-\x5b\x5d-\x7e]*)"(?P<parameters>(?:;[a-z]+=(?:\d+|"[^"]*"|:[^:]*:))*)'
)
# Between the server's reading of its clock and the rounding up there may be a whole millisecond.
_MILLISECOND = 0.001


def items(exchange: Exchange, field: str, rule: str | None = None) -> dict[str, dict[str, str]]:
    """Read a list of quoted names with parameters: {"default": {"q": "10", "w": "60"}}."""
    value = exchange.header(field)
    expect(value is not None, expected=f"the field {field}", got=f"none on the {exchange.status}", rule=rule)
    found = {}
    for member in re.split(r"\s*,\s*", value or ""):
        match = _ITEM.fullmatch(member)
        expect(match is not None, expected=f'{field}: "name";key=integer…', got=value, rule=rule)
        if match:
            pairs = [pair.split("=", 1) for pair in match["parameters"].split(";")[1:]]
            found[match["name"]] = dict(pairs)
    return found


def item(exchange: Exchange, field: str, rule: str | None = None) -> tuple[str, dict[str, str]]:
    """Read a field that has exactly one member."""
    found = items(exchange, field, rule)
    expect(len(found) == 1, expected=f"one policy in {field}", got=exchange.header(field), rule=rule)
    return next(iter(found.items()))


def whole_seconds(value: str | None, name: str, rule: str | None = None) -> int:
    """Read a number of seconds: digits alone."""
    expect(value is not None and value.isdigit(), expected=f"whole seconds in {name}", got=value, rule=rule)
    return int(value or 0)


def seconds_are_true(
    opened: Exchange, answer: Exchange, window_seconds: float, value: str | None, name: str
) -> None:
    """Demand that the seconds reach the end of the window, and end less than a second beyond it."""
    rule = f"{name} is the time until the window closes in whole seconds, rounded up"
    seconds = whole_seconds(value, name, rule)
    # The server read its clock at an unknown moment between sending and receiving, twice.
    least = opened.sent + window_seconds - answer.received - _MILLISECOND
    most = opened.received + window_seconds - answer.sent + _MILLISECOND
    expect(
        least <= seconds < most + 1,
        expected=f"{name} from {max(least, 0):.3f} s to less than {most + 1:.3f} s",
        got=f"{seconds} s",
        rule=rule,
        timing=True,
    )
