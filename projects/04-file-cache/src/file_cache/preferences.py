"""What a client would like, and may not get: to wait for who fills. Source: RFC 7240, sections 2 and 4.3."""

import re
from typing import Final, NamedTuple

LONGEST_WAIT_SECONDS: Final = 5
PREFERENCE: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
WAIT: Final = re.compile(r'\s*wait\s*=\s*("?)([0-9]+)\1\s*(?:;.*)?', re.IGNORECASE | re.DOTALL)
NAME: Final = re.compile(r"\s*wait\s*(?:[=;]|$)", re.IGNORECASE)
DIGITS: Final = 9


class Patience(NamedTuple):
    """What a reader takes instead of a fresh entry."""

    wait_seconds: int | None = None
    """For how long to wait for one; None does not wait, and takes no lease."""
    error_seconds: int | None = None
    """It has failed to make a new one, and takes what has expired for no longer than that."""


def wait_seconds_of(header: str | None) -> int | None:
    """Return for how long to wait, None for not at all; what cannot be read is no preference.

    The first of several counts. Nobody waits longer than five seconds: who stops the service waits for them.
    """
    for preference in PREFERENCE.findall(header or ""):
        if NAME.match(preference):
            match = WAIT.fullmatch(preference)
            return None if match is None else _bounded(match[2].lstrip("0") or "0")
    return None


def _bounded(digits: str) -> int:
    return LONGEST_WAIT_SECONDS if len(digits) > DIGITS else min(int(digits), LONGEST_WAIT_SECONDS)
