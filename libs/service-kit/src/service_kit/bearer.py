"""The operator's token: one secret of the environment, which lets whoever runs a service manage it."""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from typing import Final

# Source: RFC 6750, section 2.1.
BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE | re.ASCII)


class UnauthenticatedError(Exception):
    """Who asks is not known to be the operator. `was_sent`: they have shown something."""

    def __init__(self, *, was_sent: bool) -> None:
        super().__init__("It takes Authorization: Bearer, with the operator's token.")
        self.was_sent = was_sent


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


def challenge(realm: str) -> Callable[[UnauthenticatedError], dict[str, str]]:
    """Say in WWW-Authenticate what is wanted, and whether what was shown is wrong.

    Source: RFC 6750, section 3.
    """
    wanted = f'Bearer realm="{realm}"'
    return lambda error: {
        "WWW-Authenticate": f'{wanted}, error="invalid_token"' if error.was_sent else wanted
    }
