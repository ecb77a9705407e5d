"""The header Idempotency-Key: a string as structured fields write it, or bare as most clients do."""

import re
from typing import Final

from mini_rest.errors import InvalidKeyError

# Source: draft-ietf-httpapi-idempotency-key-header-07; RFC 9651, section 3.3.3.
QUOTED: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
BARE: Final = re.compile(r"[\x21\x23-\x7e][\x21-\x7e]*")
LONGEST: Final = 255


def key_of(lines: list[str]) -> str | None:
    """Return the key, the same for `"k"` and `k`; None without the header. Raises: InvalidKeyError."""
    if not lines:
        return None
    text = lines[0].strip(" \t")
    if len(lines) > 1:
        raise InvalidKeyError
    if quoted := QUOTED.fullmatch(text):
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    elif BARE.fullmatch(text):
        key = text
    else:
        raise InvalidKeyError
    if not 1 <= len(key) <= LONGEST:
        raise InvalidKeyError
    return key
