"""The headers of an HTML page that a service makes itself, in place of the defaults in headers.py."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PAGE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Its own files and its own API, and nothing else: no inline script or style, nothing from elsewhere,
        # no frame around it. So markup that got into the page by mistake can load and run nothing.
        "content-security-policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
            " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        # No window of another site keeps a handle on this one.
        "cross-origin-opener-policy": "same-origin",
    }
)
