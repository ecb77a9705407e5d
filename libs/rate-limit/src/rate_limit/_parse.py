"""Policies as text, in the notation of `limits`: `10/minute`, `5 per second; 100 per 2 hours`."""

import re

from rate_limit._errors import PolicyError
from rate_limit._policy import Policy

SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "month": 30 * 86_400,
    "year": 360 * 86_400,  # as limits has it: twelve of its months
}

_LIMIT = re.compile(r"(\d+)\s*(?:/|\s+per\s+)\s*(\d*)\s*([a-z]+?)s?", re.IGNORECASE | re.ASCII)


def parse_policies(text: str) -> tuple[Policy, ...]:
    """Read limits that are separated by `;`, `,` or `|`.

    Raises: PolicyError naming the part that is no limit.
    """
    return tuple(_parse(part.strip()) for part in re.split(r"[;,|]", text))


def _parse(part: str) -> Policy:
    match = _LIMIT.fullmatch(part)
    unit = SECONDS.get(match[3].lower()) if match else None
    if match is None or unit is None:
        raise PolicyError(f"not a limit, as 10/minute or 100 per 2 hours: {part!r}")
    return Policy(int(match[1]), int(match[2] or 1) * unit)
