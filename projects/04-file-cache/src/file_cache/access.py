"""Who may read and write what, by the token that they show.

Tools show it in the ways that they know: as a bearer's, or as the password of anybody. An untrusted scope is
for builds of what nobody has looked at yet, such as pull requests. What they store is never given to others:
else whoever can open one could put their own code into everybody's build.
"""

import hmac
import re
from base64 import b64decode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from file_cache.domain import Scope
from file_cache.errors import ForbiddenError, UnauthenticatedError

# Source: RFC 6750, section 2.1, and RFC 7617, section 2.
BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE | re.ASCII)
BASIC: Final = re.compile(r"basic +([A-Za-z0-9+/]+=*)", re.IGNORECASE | re.ASCII)


class Access(NamedTuple):
    """What somebody may do. Where an entry is in several scopes, the first that has it counts."""

    reads: tuple[Scope, ...]
    writes: Scope | None
    is_known: bool = True
    """Somebody who has shown no token may show one, and be allowed more."""

    def written_scope(self) -> Scope:
        """Return where what they store is put. Raises: ForbiddenError, UnauthenticatedError."""
        if self.writes is None:
            raise ForbiddenError if self.is_known else UnauthenticatedError
        return self.writes

    def check_everywhere(self) -> None:
        """Let those pass who may change what all see. Raises: ForbiddenError, UnauthenticatedError."""
        if self.writes is not Scope.TRUSTED:
            raise ForbiddenError if self.is_known else UnauthenticatedError


READ: Final = Access((Scope.TRUSTED,), None)
WRITE: Final = Access((Scope.TRUSTED,), Scope.TRUSTED)
UNTRUSTED: Final = Access((Scope.TRUSTED, Scope.UNTRUSTED), Scope.UNTRUSTED)


class Gate:
    """Knows the tokens, by their digests: those are equally long, and how alike two are tells nothing."""

    def __init__(
        self, read: Iterable[str], write: Iterable[str], untrusted: Iterable[str], anonymous: Access | None
    ) -> None:
        """`anonymous` is for whoever shows nothing, None for nothing. Without any token none is looked at."""
        of_each = ((READ, read), (WRITE, write), (UNTRUSTED, untrusted))
        self._known = [(_digest(token), access) for access, tokens in of_each for token in tokens]
        self._anonymous = anonymous

    def access(self, lines: Sequence[str]) -> Access:
        """Return what whoever sent these lines of Authorization may do. Raises: UnauthenticatedError."""
        if self._anonymous is not None and not (lines and self._known):
            return self._anonymous._replace(is_known=False)
        shown = _digest(_token(lines[0]) if len(lines) == 1 else "")
        found = [access for digest, access in self._known if hmac.compare_digest(digest, shown)]
        if not found:
            raise UnauthenticatedError
        return found[0]


def _token(line: str) -> str:
    if match := BEARER.fullmatch(line):
        return match[1]
    match = BASIC.fullmatch(line)
    if match is None:
        return ""
    try:
        return b64decode(match[1], validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
