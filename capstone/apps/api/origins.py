"""Files come from an origin of their own: what is in one of them is then no part of the platform's pages."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from litestar.handlers import BaseRouteHandler

from core.errors import NotFoundError

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.datastructures import State

AT_FILES_ORIGIN: Final = {"is_at_files_origin": True}
"""The `opt` of a route that is at the origin of files, and at no other; all others are not at it."""


class OriginGuard:
    """Keeps the origins apart, by the Host that a request names."""

    def __init__(self, files_origin: str) -> None:
        self._files_host = urlsplit(files_origin).netloc.lower()

    def __call__(
        self, connection: "ASGIConnection[object, object, object, State]", handler: BaseRouteHandler
    ) -> None:
        """Raises: NotFoundError."""
        is_there = connection.headers.get("host", "").lower() == self._files_host
        if is_there != bool(handler.opt.get("is_at_files_origin")):
            raise NotFoundError("route at this origin")
