"""What an answer of the throttler tells in its header fields, read strictly (RFC 9651, and the draft)."""

import re
from collections.abc import Iterable

from kata.steps import Exchange, describe_answer, expect

from .caller import TOO_MANY, Caller

_ITEM = re.compile(
    r'"(?P<name>[\x20\x21\x23-\x5b\x5d-\x7e]*)"(?P<parameters>(?:;[a-z]+=(?:\d+|"[^"]*"|:[^:]*:))*)'
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Between the server's reading of its clock and the rounding up there may be a whole millisecond.
_MILLISECOND = 0.001


def items(exchange: Exchange, field: str, rule: str | None = None) -> dict[str, dict[str, str]]:
    """Read a list of quoted names with parameters: {"default": {"q": "10", "w": "60"}}."""
    value = exchange.header(field)
    expect(
        value is not None,
        expected=f"the field {field}",
        got=f"none on the {exchange.status}",
        rule=rule,
        answer=exchange,
    )
    found = {}
    for member in re.split(r"\s*,\s*", value or ""):
        match = _ITEM.fullmatch(member)
        expect(
            match is not None, expected=f'{field}: "name";key=integer…', got=value, rule=rule, answer=exchange
        )
        if match:
            pairs = [pair.split("=", 1) for pair in match["parameters"].split(";")[1:]]
            found[match["name"]] = dict(pairs)
    return found


def item(exchange: Exchange, field: str, rule: str | None = None) -> tuple[str, dict[str, str]]:
    """Read a field that has exactly one member."""
    found = items(exchange, field, rule)
    expect(
        len(found) == 1,
        expected=f"one policy in {field}",
        got=exchange.header(field),
        rule=rule,
        answer=exchange,
    )
    return next(iter(found.items()))


def whole_seconds(value: str | None, name: str, rule: str | None = None) -> int:
    """Read a number of seconds: digits alone."""
    expect(
        value is not None and re.fullmatch(r"[0-9]+", value) is not None,
        expected=f"whole seconds in {name}",
        got=value,
        rule=rule,
    )
    return int(value or 0)


def seconds_are_true(
    client: Caller, answer: Exchange, value: str | None, name: str, *, in_redis: bool = True
) -> None:
    """Demand that the seconds reach the end of the window, and end less than a second beyond it."""
    rule = f"{name} is the time until the window closes in whole seconds, rounded up"
    seconds = whole_seconds(value, name, rule)
    opened, window_seconds = client.opened, client.throttler.window_seconds
    # The server read its clock at an unknown moment between sending and receiving, twice. So these hold on a
    # slow machine too, unless that was why the window closed, or why the service counted alone.
    least = opened.sent + window_seconds - answer.received - _MILLISECOND
    most = opened.received + window_seconds - answer.sent + _MILLISECOND
    if not least <= seconds < most + 1:
        be_sure(client, in_redis=in_redis)
    expect(
        least <= seconds < most + 1,
        expected=f"{name} from {max(least, 0):.3f} s to less than {most + 1:.3f} s",
        got=f"{seconds} s",
        rule=rule,
        answer=answer,
    )


def fields_are_true(client: Caller, *, in_redis: bool = True) -> None:
    """Demand of every answer that it names the policy, what remains of it, and until when."""
    used = 0
    for number, exchange in enumerate(client.sent, start=1):
        used += exchange.status != TOO_MANY
        name = policy_is_true(client, exchange)
        same, parameters = item(exchange, "ratelimit")
        expect(same == name, expected=f'"{name}", as in RateLimit-Policy', got=f'"{same}"')
        wanted, got = str(max(client.throttler.limit - used, 0)), parameters.get("r")
        if got != wanted:
            be_sure(client, in_redis=in_redis)
        expect(
            got == wanted,
            expected=f"r={wanted} after {used} of {client.throttler.limit}",
            got=f"r={got} on the {describe_answer(exchange)}",
            exchanges=client.sent[:number],
        )
        seconds_are_true(client, exchange, parameters.get("t"), "t", in_redis=in_redis)
        if exchange.status == TOO_MANY:
            wait = exchange.header("retry-after")
            seconds_are_true(client, exchange, wait, "Retry-After", in_redis=in_redis)


def be_sure(client: Caller, *, in_redis: bool) -> None:
    """Be sure that the window was open, and if Redis was to be asked, that it was."""
    client.within_window()
    if in_redis:
        client.in_doubt()


def policy_is_true(client: Caller, exchange: Exchange) -> str:
    """Return the policy's name, if its quota and its window are the settings."""
    wanted = {"q": str(client.throttler.limit), "w": str(client.throttler.window_seconds)}
    name, parameters = item(exchange, "ratelimit-policy")
    got = {key: parameters.get(key) for key in wanted}
    expect(
        got == wanted and bool(name), expected=f'"{name or "name"}" with {wanted}', got=got, answer=exchange
    )
    return name


def no_fields(exchanges: Iterable[Exchange]) -> None:
    """Demand that answers to what was not counted tell no budget."""
    for exchange in exchanges:
        for field in ("ratelimit-policy", "ratelimit"):
            value = exchange.header(field)
            expect(
                value is None,
                expected=f"no {field} on the {describe_answer(exchange)}",
                got=value,
                answer=exchange,
            )


def promised_headers(exchanges: Iterable[Exchange]) -> None:
    """Demand what every answer has, whatever its status."""
    for exchange in exchanges:
        on = f"on the {describe_answer(exchange)}"
        request_id = exchange.header("x-request-id") or ""
        expect(
            bool(_REQUEST_ID.fullmatch(request_id)),
            expected=f"X-Request-ID {on}",
            got=request_id,
            answer=exchange,
        )
        sniff = exchange.header("x-content-type-options")
        expect(
            sniff == "nosniff", expected=f"X-Content-Type-Options: nosniff {on}", got=sniff, answer=exchange
        )
        policy = exchange.header("content-security-policy")
        expect(bool(policy), expected=f"a Content-Security-Policy {on}", got=policy, answer=exchange)
