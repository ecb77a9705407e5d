"""The face for Litestar: a plugin that answers bad input with problem details, and reads JSON strictly."""

from inspect import isawaitable
from typing import TYPE_CHECKING, Final, override

from litestar import Request, Response
from litestar.exceptions import ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import InitPlugin

from validation_problems._body import kept_body_of
from validation_problems._errors import InvalidInputError, MalformedError
from validation_problems._problem import CONTENT_TYPE, Problem, problem_of
from validation_problems._reader import read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litestar.config.app import AppConfig
    from litestar.datastructures import State

    type AnyRequest = Request[object, object, State]

_TEXT: Final = "validation_problems.text"


def no_id(_: "AnyRequest") -> None:
    return None


class ProblemsPlugin(InitPlugin):
    """Answers bad input with problem details: `Litestar(plugins=[ProblemsPlugin()])`.

    Bodies are read strictly before the handler is asked. `request_id` gives the member of that name.
    """

    def __init__(self, request_id: "Callable[[AnyRequest], str | None]" = no_id) -> None:
        self._request_id = request_id

    @override
    def on_app_init(self, app_config: "AppConfig") -> "AppConfig":
        for error in (ValidationException, InvalidInputError, MalformedError):
            app_config.exception_handlers.setdefault(error, self._answer)
        app_config.before_request = _read_before(app_config.before_request)
        return app_config

    def _answer(self, request: "AnyRequest", error: Exception) -> Response[bytes]:
        problem = _problem(request, error)
        text = problem.body(request.url.path, self._request_id(request))
        return Response(text, status_code=problem.status, media_type=CONTENT_TYPE)


def _read_before(
    other: "Callable[[AnyRequest], object] | None",
) -> "Callable[[AnyRequest], Awaitable[object]]":
    async def strict(request: "AnyRequest") -> object:
        if _is_json(request.content_type[0]) and (text := await request.body()):
            read(text)
            request.scope[_TEXT] = text  # type: ignore[typeddict-unknown-key]  # a scope may hold what others put there
        result = other(request) if other else None
        return await result if isawaitable(result) else result

    return strict


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def _problem(request: "AnyRequest", error: Exception) -> Problem:
    """Tell all mistakes of the body: what Litestar has raised of a Struct is the first alone."""
    declared = _declared(request)
    text: object = request.scope.get(_TEXT)
    if isinstance(error, ValidationException) and declared is not None and isinstance(text, bytes):
        try:
            kept_body_of(declared).read(text)
        except InvalidInputError as all_of_them:
            return problem_of(all_of_them)
    return problem_of(error, declared)


def _declared(request: "AnyRequest") -> type | None:
    handler = request.scope["route_handler"]
    if not isinstance(handler, HTTPRouteHandler):
        return None
    data = handler.parsed_fn_signature.parameters.get("data")
    return data.annotation if data is not None and isinstance(data.annotation, type) else None
