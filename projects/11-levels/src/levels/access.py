"""Who asks: locally the one learner there is, in a class the learner whose token it is, or the teacher."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from levels.domain import Learner
from levels.errors import ForbiddenError, UnauthenticatedError
from levels.repository import Repository

# Source: RFC 6750, section 2.1.
BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE | re.ASCII)
TOKEN_BYTES: Final = 32
LOCAL_NAMES: Final = frozenset({"localhost", "ip6-localhost"})


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: str) -> bytes:
    """A token is drawn, and long: no slow hash makes it harder to guess."""
    return hashlib.sha256(token.encode()).digest()


class Access:
    """Tells learners from each other and from who runs the class."""

    def __init__(self, repository: Repository, operator_token: str | None) -> None:
        self._repository = repository
        self._operator = digest_of(operator_token) if operator_token is not None else None
        self._local: Learner | None = None

    @property
    def is_class(self) -> bool:
        return self._operator is not None

    async def learner(self, authorization: Sequence[str], host: str) -> Learner:
        """Return who asks.

        Raises: UnauthenticatedError, ForbiddenError, DatabaseUnavailableError.
        """
        if self._operator is None:
            self._demand_local(host)
            self._local = self._local or await self._repository.local_learner()
            return self._local
        digest = digest_of(_token(authorization))
        if hmac.compare_digest(digest, self._operator):
            raise ForbiddenError("The operator has no progress and no runs: send a learner's token.")
        learner = await self._repository.learner_of(digest)
        if learner is None:
            raise UnauthenticatedError(was_sent=True)
        return learner

    def anybody(self, host: str) -> None:
        """Let everybody pass, for what is public; locally by a local name alone. Raises: ForbiddenError."""
        if self._operator is None:
            self._demand_local(host)

    async def demand_operator(self, authorization: Sequence[str], host: str) -> None:
        """Let nobody pass but who runs the class.

        Raises: UnauthenticatedError, ForbiddenError, DatabaseUnavailableError.
        """
        if self._operator is None:
            self._demand_local(host)
            raise ForbiddenError("There is no class here: the service runs without OPERATOR_TOKEN.")
        # Digests are compared: how alike two of them are tells nothing of the token.
        digest = digest_of(_token(authorization))
        if not hmac.compare_digest(digest, self._operator):
            if await self._repository.learner_of(digest) is None:
                raise UnauthenticatedError(was_sent=True)
            raise ForbiddenError("This is for the operator.")

    def _demand_local(self, host: str) -> None:
        """Refuse a name that may be somebody else's: they can have it lead here (DNS rebinding).

        Without an account it is the browser's rule of same origin alone that keeps foreign pages from
        starting programs, and that rule goes by the name.
        """
        name = re.sub(r":[0-9]*$", "", host).strip("[]").rstrip(".").lower()
        if name in LOCAL_NAMES or name.endswith(".localhost"):
            return
        try:
            ip_address(name)
        except ValueError:
            detail = "Without OPERATOR_TOKEN it is reached as localhost, or by an address."
            raise ForbiddenError(detail) from None


def _token(authorization: Sequence[str]) -> str:
    match = BEARER.fullmatch(authorization[0]) if len(authorization) == 1 else None
    if match is None:
        raise UnauthenticatedError(was_sent=bool(authorization))
    return match[1]
