"""How FastAPI's routes read a body: strictly, and by the same validator whatever else the handler takes."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Annotated, Final, override

from fastapi import HTTPException, Request, Response, params
from fastapi.datastructures import DefaultPlaceholder
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, serialize_response
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from starlette.types import Receive, Scope, Send

from validation_problems._body import Body, body_of
from validation_problems._entries import Entry, Findings, findings
from validation_problems._errors import InvalidInputError
from validation_problems._fastapi_errors import entries_of_error
from validation_problems._pydantic_shape import adapter_of
from validation_problems._reader import read

type Handler = Callable[[Request], Coroutine[object, object, Response]]

DECLARED: Final = "validation_problems.declared"
_FINDINGS: Final = "validation_problems.findings"
_REFUSED: Final = object()
"""What FastAPI is given for a body that was refused: no type has it."""
_OTHER_ARGUMENTS: Final = (
    *("path_params", "query_params", "header_params", "cookie_params", "dependencies", "request_param_name"),
    *("http_connection_param_name", "response_param_name", "background_tasks_param_name"),
    "security_scopes_param_name",
)


class StrictRoute(APIRoute):
    """Reads JSON strictly, and calls a handler that takes a body alone without FastAPI's machinery."""

    _short: Callable[[bytes], Coroutine[object, object, Response]] | None = None

    @override
    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        field = self.body_field
        if field is None or isinstance(field.field_info, params.Form):
            return handle
        declared = _declared(field.field_info)
        # Of several bodies in one, FastAPI picks each itself.
        is_one = len(self.dependant.body_params) == 1 and self.dependant.body_params[0] is field
        body: Body[object] | None = body_of(declared) if is_one else None  # type: ignore[call-overload]  # a type
        self._short = self._alone(body) if body else None

        async def strict(request: Request) -> Response:
            if not _is_json(request.scope) or not (text := await request.body()):
                return await handle(request)
            request.scope[DECLARED] = declared
            # What Request.json() keeps its result in.
            request._json = _taken(body, text, request) if body else read(text)  # noqa: SLF001
            return await handle(request)

        return strict

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._short is None or scope["method"] not in (self.methods or ()) or not _is_json(scope):
            await super().handle(scope, receive, send)
        else:
            response = await self._short(await _body(receive))
            await response(scope, receive, send)

    def _alone(self, body: Body[object]) -> Callable[[bytes], Coroutine[object, object, Response]] | None:
        """Return the short way, for a coroutine that takes one body alone, and declares its answer."""
        dependant = self.dependant
        call, field = dependant.call, self.response_field
        is_plain = (
            self.dependency_overrides_provider is not None  # else a router, which may get dependencies yet
            and not any(getattr(dependant, name) for name in _OTHER_ARGUMENTS)
            and isinstance(self.response_class, DefaultPlaceholder)
            and self.max_body_size is None
        )
        if not is_plain or call is None or field is None or not iscoroutinefunction(call):
            return None
        name, status = dependant.body_params[0].name, self.status_code or HTTPStatus.OK

        async def alone(text: bytes) -> Response:
            if not text:
                raise InvalidInputError(findings([Entry((), "missing")]))
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


def _taken(body: Body[object], text: bytes, request: Request) -> object:
    """Return what was read. What is refused is told later: dependencies, such as passwords, come first."""
    try:
        return body.read(text)
    except InvalidInputError as error:
        request.scope[_FINDINGS] = error.findings
        return _REFUSED


def with_findings(request: Request, error: Exception) -> Exception:
    """Put the mistakes in the body beside those that FastAPI has found elsewhere."""
    found: Findings | None = request.scope.get(_FINDINGS)
    if found is None or not isinstance(error, RequestValidationError):
        return error
    others = [entry for entry in entries_of_error(error, None) or () if entry.location != "body"]
    merged = findings([*found.entries, *others], len(found.entries) + len(others))
    return InvalidInputError(merged._replace(is_truncated=found.is_truncated))


def _declared(info: FieldInfo) -> object:
    if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel) and not info.metadata:
        return info.annotation
    return adapter_of(Annotated[info.annotation, info])


def _is_json(scope: Scope) -> bool:
    content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if content_type == b"application/json":  # the most
        return True
    kind, _, subtype = content_type.partition(b";")[0].strip().lower().partition(b"/")
    return bool(kind == b"application" and (subtype == b"json" or subtype.endswith(b"+json")))


async def _body(receive: Receive) -> bytes:
    """Read it as Request.body does, in a third of the time. Raises: HTTPException, if the client has left."""
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise HTTPException(HTTPStatus.BAD_REQUEST)  # as FastAPI has it; nobody hears it
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)
