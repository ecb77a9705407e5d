"""Whether a request may have been made by another site: what browsers say of it, and else a token."""

import hmac
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from auth._errors import CrossSiteError, SettingError
from auth._session import Session

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
OWN_SITES: Final = frozenset({"same-origin", "none"})
"""`none` is the person's own doing: typed, or from a bookmark. `same-site` is another origin."""


class CsrfGuard:
    """Refuses what another site may have made the browser send, logins included.

    Compared is with the origin that the service is told, and not with Host, which the client says.
    """

    def __init__(self, public_origin: str) -> None:
        """Take the origin as browsers write it: `https://shop.example`, without a slash."""
        parts = urlsplit(public_origin)
        if f"{parts.scheme}://{parts.netloc}" != public_origin or not parts.scheme or not parts.netloc:
            raise SettingError(f"{public_origin!r} is no origin")
        self._origin = public_origin.lower()

    def needs_session(self, method: str, fetch_site: Sequence[str], origin: Sequence[str]) -> bool:
        """Tell whether the headers say nothing, so that only a token can."""
        return method not in SAFE_METHODS and not fetch_site and not origin

    def check(
        self,
        method: str,
        *,
        fetch_site: Sequence[str] = (),
        origin: Sequence[str] = (),
        token: str | None = None,
        session: Session | None = None,
    ) -> None:
        """Take the values of Sec-Fetch-Site, of Origin and of X-CSRF-Token, as many as there are.

        Raises: CrossSiteError.
        """
        if method in SAFE_METHODS:
            return
        if fetch_site:
            passes = len(fetch_site) == 1 and fetch_site[0] in OWN_SITES
        elif origin:
            passes = len(origin) == 1 and _equal(origin[0].lower(), self._origin)
        else:
            passes = bool(token and session and _equal(token, session.csrf_token))
        if not passes:
            raise CrossSiteError("another site may have sent this")


def _equal(sent: str, expected: str) -> bool:
    # A lone surrogate is how servers hand over bytes that are no UTF-8: they differ, and that is all.
    return hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), expected.encode())
