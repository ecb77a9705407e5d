"""Who may use the API: whoever shows the operator's token. The commands need none: they have the storage."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

from backup.errors import UnauthenticatedError

# Source: RFC 6750, section 2.1.
BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE | re.ASCII)


class Operator:
    """Recognises who runs the service."""

    def __init__(self, token: str) -> None:
        self._digest = hashlib.sha256(token.encode()).digest()

    def check(self, lines: Sequence[str]) -> None:
        """Let the lines of Authorization pass if there is one, with the operator's token.

        Digests are compared: they are equally long, and how alike two of them are tells nothing of the token.

        Raises: UnauthenticatedError.
        """
        match = BEARER.fullmatch(lines[0]) if len(lines) == 1 else None
        if match is None or not hmac.compare_digest(hashlib.sha256(match[1].encode()).digest(), self._digest):
            raise UnauthenticatedError(was_sent=bool(lines))
