"""The header Idempotency-Key: a string as structured fields write it, or bare as most clients do."""

import re
from collections.abc import Sequence
from typing import Final

from service_kit.problems import Problem, ProblemError

# Source: draft-ietf-httpapi-idempotency-key-header-07; RFC 9651, section 3.3.3.
QUOTED: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
BARE: Final = re.compile(r"[\x21\x23-\x7e][\x21-\x7e]*")
LONGEST: Final = 255
PATTERN: Final = rf"^[\x21\x23-\x7e][\x21-\x7e]{{0,{LONGEST - 1}}}$"
"""For the document: what a generated client is to send."""


def idempotency_key(lines: Sequence[str]) -> str | None:
    """Return the key, the same for `"k"` and `k`; None without the header. Raises: ProblemError, 400."""
    if not lines:
        return None
    text = lines[0].strip(" \t")
    if quoted := QUOTED.fullmatch(text):
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    else:
        key = text if BARE.fullmatch(text) else ""
    if len(lines) > 1 or not 1 <= len(key) <= LONGEST:
        detail = f'An Idempotency-Key is one string of 1 to {LONGEST} characters, such as "8e03978e".'
        raise ProblemError(Problem(400, "invalid_idempotency_key", "Invalid Idempotency-Key", detail))
    return key
