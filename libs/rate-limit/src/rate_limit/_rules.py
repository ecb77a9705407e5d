"""What of an application is limited, and how: the same for WSGI and ASGI."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rate_limit._client_address import ClientAddress
from rate_limit._request import RequestView

type KeyOf = Callable[[RequestView], str | None]
"""Names whose budget a request spends; None: it is not limited."""


def by_address(trusted_hops: int = 0) -> KeyOf:
    """Make a key of the client's address; say how many proxies of yours stand in front."""
    address = ClientAddress(trusted_hops)

    def key(request: RequestView) -> str:
        forwarded = request.header("x-forwarded-for") if trusted_hops else None
        return address(request.peer, forwarded)

    return key


@dataclass(frozen=True, slots=True)
class Rule[L]:
    """Requests that one limiter counts; paths are shell patterns, in which `*` matches slashes too."""

    limiter: L
    key: KeyOf
    paths: Sequence[str] = ("*",)
    methods: Sequence[str] = ()
    """All, if there are none."""
    cost: int = 1

    def matches(self, request: RequestView) -> bool:
        if self.methods and request.method not in self.methods:
            return False
        return any(pattern == "*" or fnmatchcase(request.path, pattern) for pattern in self.paths)


def rule_for[L](rules: Iterable[Rule[L]], request: RequestView) -> tuple[Rule[L], str] | None:
    """Return the first rule that matches and the key, unless that one limits nobody."""
    for rule in rules:
        if rule.matches(request):
            key = rule.key(request)
            return None if key is None else (rule, key)
    return None
