"""The session's cookie, as browsers keep it and send it."""

from collections.abc import Iterable
from typing import Final

NAME: Final = "__Host-session"
# The prefix has browsers refuse it without Secure and Path=/, or with a Domain: no subdomain can set it.
ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"
CLEARED: Final = f"{NAME}=; Max-Age=0; {ATTRIBUTES}"


def presented(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return all values of the cookie, in the order in which they came: of one name there may be several."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"cookie"]
    pairs = [pair.partition("=") for line in lines for pair in line.split(";")]
    return [value.strip() for name, _, value in pairs if name.strip() == NAME]


def set_cookie(secret: str) -> str:
    """Write the header. Without Max-Age: how long a session lives is the server's business."""
    return f"{NAME}={secret}; {ATTRIBUTES}"
