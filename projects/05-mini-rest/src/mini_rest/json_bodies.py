"""How a body becomes JSON: of the type that the route takes, whole, and strict."""

from typing import override

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import InternalServerException

from mini_rest.domain import Caller
from mini_rest.negotiation import check_content_type
from mini_rest.problems import HttpError
from service_kit.json_text import InvalidJsonError, Json, parse


class StrictRequest(Request[Caller | None, object, State]):
    """Litestar asks it for the body when all guards have let the request pass.

    Litestar itself takes the Content-Type for advice, the last of two members of one name, and ends in a 500
    for what is no UTF-8 or is nested too deeply.
    """

    @override
    async def body(self) -> bytes:
        """Raises: HttpError of 415 or 400."""
        media_type = self.route_handler.opt["consumes"]
        refusal = {"Accept-Patch": media_type} if self.method == "PATCH" else {}
        check_content_type(self.scope, media_type, refusal)
        try:
            body = await super().body()
        except InternalServerException as error:  # Litestar's word for a client that has gone
            raise HttpError(400, "The body is not complete.") from error
        if not body:
            raise HttpError(400, "The body is empty.")
        return body

    @override
    async def json(self) -> Json:
        """Raises: HttpError of 415 or 400."""
        try:
            return parse(await self.body())
        except InvalidJsonError as error:
            raise HttpError(400, f"The body is not valid JSON: {error}.") from error
