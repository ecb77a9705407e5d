"""The session's cookie, as it comes and goes.

With the prefix `__Host-` a browser takes it only with Secure, Path=/ and no Domain: no other host, no
subdomain and no plain-text connection can set it. Source: draft-ietf-httpbis-rfc6265bis, section 4.1.3.
"""

from collections.abc import Iterable, Sequence
from typing import Final

COOKIE: Final = "__Host-session"
ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"
CLEAR: Final = f"{COOKIE}=; Max-Age=0; {ATTRIBUTES}"
"""With the same attributes, or browsers ignore it."""


def session_tokens(cookie_headers: Iterable[str]) -> Sequence[str]:
    """Return the values of all cookies of the name, in their order: there can be several."""
    pairs = (pair.partition("=") for header in cookie_headers for pair in header.split(";"))
    return [value.strip() for name, _, value in pairs if name.strip() == COOKIE]


def set_cookie(token: str) -> str:
    """Return the value of Set-Cookie. Without Max-Age the browser forgets it when it is closed."""
    return f"{COOKIE}={token}; {ATTRIBUTES}"
