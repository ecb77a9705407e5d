"""Whether a page of ours has sent a request, or one of somebody else's in a browser that is logged in here.

A browser sends the cookie along with what any site makes it send. `SameSite=Lax` holds back most of that, and
not what a subdomain sends, which is the same site.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from enum import Enum
from typing import Final

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_FETCH_SITES: Final = frozenset({"same-origin", "none"})


class Sender(Enum):
    """What a request's headers tell of the page that sent it."""

    OURS = "ours"
    OTHERS = "others"
    UNKNOWN = "unknown"


def sender_of(fetch_site: Sequence[str], origin: Sequence[str], public_origin: str) -> Sender:
    """Judge by the values of Sec-Fetch-Site, which no page can set, and if there are none by those of Origin.

    Origin is compared with the setting, and not with Host, which whoever sends the request can choose.
    """
    if fetch_site:
        return Sender.OURS if all(site in OWN_FETCH_SITES for site in fetch_site) else Sender.OTHERS
    if origin:
        return Sender.OURS if all(one == public_origin for one in origin) else Sender.OTHERS
    return Sender.UNKNOWN


def token_of(secret: str) -> str:
    """Return the token of a session: it follows from the cookie, and the cookie does not follow from it."""
    digest = hmac.digest(secret.encode(), b"csrf", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_token_of(secret: str, token: str) -> bool:
    return hmac.compare_digest(token_of(secret).encode(), token.encode())
