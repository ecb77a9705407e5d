"""The operator's token, for what concerns all tenants."""

from typing import TYPE_CHECKING

from litestar.handlers import BaseRouteHandler

from auth import NotSignedInError
from service_kit.bearer import Operator, UnauthenticatedError

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.datastructures import State
    from litestar.types import Guard


def operator(token: str) -> "Guard":
    """Let in who shows this token."""
    known = Operator(token)

    def guard(connection: "ASGIConnection[object, object, object, State]", _: BaseRouteHandler) -> None:
        try:
            known.check(connection.headers.getall("authorization", []))
        except UnauthenticatedError as error:
            raise NotSignedInError("show the operator's token") from error

    return guard
