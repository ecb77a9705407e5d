"""The face for FastAPI: `install(app)` replaces its 422 and its reading of bodies."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Annotated, Final, override

from fastapi import FastAPI, Request, Response, params
from fastapi.datastructures import DefaultPlaceholder
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, serialize_response
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from validation_problems._body import Body, body_of
from validation_problems._errors import InvalidInputError, MalformedError
from validation_problems._problem import CONTENT_TYPE, problem_of
from validation_problems._pydantic_shape import adapter_of
from validation_problems._reader import read
from validation_problems.openapi import COMPONENTS, RESPONSES

type Handler = Callable[[Request], Coroutine[object, object, Response]]

_OWN_COMPONENTS: Final = ("HTTPValidationError", "ValidationError")
_OTHER_ARGUMENTS: Final = (
    *("path_params", "query_params", "header_params", "cookie_params", "dependencies", "request_param_name"),
    *("http_connection_param_name", "response_param_name", "background_tasks_param_name"),
    "security_scopes_param_name",
)


def no_id(_: Request) -> None:
    return None


def install(app: FastAPI, request_id: Callable[[Request], str | None] = no_id) -> None:
    """Answer bad input with problem details, read bodies strictly, and describe both in the document.

    To be called before routes are added. A router of one's own takes part as
    `APIRouter(route_class=StrictRoute)`. `request_id` gives the member of that name.
    """

    async def answer(request: Request, error: Exception) -> Response:
        route = request.scope.get("route")
        declared = route.declared if isinstance(route, StrictRoute) else None
        problem = problem_of(error, declared)
        text = problem.body(request.url.path, request_id(request))
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


class StrictRoute(APIRoute):
    """Reads JSON strictly, and calls a handler that takes a body alone without FastAPI's machinery."""

    declared: object = None
    """The type of the body, as pydantic knows it."""

    @override
    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        if self.body_field is None or isinstance(self.body_field.field_info, params.Form):
            return handle
        self.declared = _declared(self.body_field.field_info)
        alone = self._alone()

        async def strict(request: Request) -> Response:
            if not _is_json(request.headers.get("content-type", "")) or not (text := await request.body()):
                return await handle(request)
            if alone is not None:
                return await alone(text)
            request._json = read(text)  # noqa: SLF001 - what Request.json() keeps its result in
            return await handle(request)

        return strict

    def _alone(self) -> Callable[[bytes], Coroutine[object, object, Response]] | None:
        """Return the short way, for a coroutine that takes one body alone, and declares its answer."""
        dependant = self.dependant
        call, field = dependant.call, self.response_field
        others = [getattr(dependant, name) for name in _OTHER_ARGUMENTS]
        is_plain = (
            self.dependency_overrides_provider is not None  # else a router, which may get dependencies yet
            and not any(others)
            and len(dependant.body_params) == 1
            and dependant.body_params[0] is self.body_field
            and dependant.body_params[0].field_info.is_required()
            and isinstance(self.response_class, DefaultPlaceholder)
        )
        if not is_plain or call is None or field is None or not iscoroutinefunction(call):
            return None
        body: Body[object] = body_of(self.declared)  # type: ignore[call-overload]  # a type at run time alone
        name, status = dependant.body_params[0].name, self.status_code or HTTPStatus.OK

        async def alone(text: bytes) -> Response:
            result = await call(**{name: body.read(text)})
            if isinstance(result, Response):
                return result
            content = await serialize_response(
                field=field,
                response_content=result,
                include=self.response_model_include,
                exclude=self.response_model_exclude,
                by_alias=self.response_model_by_alias,
                exclude_unset=self.response_model_exclude_unset,
                exclude_defaults=self.response_model_exclude_defaults,
                exclude_none=self.response_model_exclude_none,
                dump_json=True,
            )
            return Response(content, status, media_type="application/json")

        return alone


def _declared(info: FieldInfo) -> object:
    if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel) and not info.metadata:
        return info.annotation
    return adapter_of(Annotated[info.annotation, info])


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


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
