"""The face for FastAPI: `install(app)` replaces its 422 and its reading of bodies."""

from collections.abc import Callable
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from validation_problems._errors import InvalidInputError, MalformedError
from validation_problems._fastapi_route import DECLARED, StrictRoute, with_findings
from validation_problems._problem import CONTENT_TYPE, problem_of
from validation_problems.openapi import COMPONENTS, RESPONSES

__all__ = ["StrictRoute", "install"]

_OWN_COMPONENTS: Final = ("HTTPValidationError", "ValidationError")


def no_id(_: Request) -> None:
    return None


def install(app: FastAPI, request_id: Callable[[Request], str | None] = no_id) -> None:
    """Answer bad input with problem details, read bodies strictly, and describe both in the document.

    To be called before routes are added. A router of one's own takes part as
    `APIRouter(route_class=StrictRoute)`. `request_id` gives the member of that name.
    """

    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(with_findings(request, error), request.scope.get(DECLARED))
        text = problem.body(request.scope["path"], request_id(request))
        return Response(text, problem.status, media_type=CONTENT_TYPE)

    app.router.route_class = StrictRoute
    for error in (RequestValidationError, InvalidInputError, MalformedError):
        app.add_exception_handler(error, answer)
    openapi = app.openapi

    def described() -> dict[str, object]:
        is_new = app.openapi_schema is None
        document: dict[str, object] = openapi()
        if is_new:
            describe(document)
        return document

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's own documentation has it


def describe(document: dict[str, object]) -> None:
    """Put the errors into an OpenAPI document, in the place of FastAPI's own."""
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    paths = document.get("paths")
    if not isinstance(schemas, dict) or not isinstance(paths, dict):
        return
    for operation in (one for path in paths.values() for one in path.values() if isinstance(one, dict)):
        if "422" in (responses := operation.get("responses", {})) and _is_fastapis(responses["422"]):
            responses.update(RESPONSES)
    for name in _OWN_COMPONENTS:
        schemas.pop(name, None)
    schemas.update(COMPONENTS)


def _is_fastapis(response: object) -> bool:
    return f"/{_OWN_COMPONENTS[0]}" in str(response)
