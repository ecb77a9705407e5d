"""The HTTP surface: it translates, and decides nothing."""

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Annotated, Final, override

import orjson
from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.types import Receive, Scope, Send

from service_kit.negotiation import media_type_of
from validation.body import chunks, whole
from validation.errors import MalformedError
from validation.orders import Order
from validation.schemas import (
    ENVELOPE,
    PAIR,
    BatchAnswer,
    CodesAnswer,
    ComparisonAnswer,
    OrderAnswer,
    RegisteredAnswer,
    ValidAnswer,
    all_codes,
    described,
)
from validation.service import ValidationService
from validation.views import View

PREFIX: Final = "/api/v1"
JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
VERSION: Final = "application/schema+json"

# Where a part of the order's schema stands in the document.
_ORDER_PART: Final = (
    "#/paths/~1api~1v1~1orders/post/requestBody/content/application~1json/schema/$defs/{model}"
)

api = APIRouter(prefix=PREFIX)


def service_of(request: Request) -> ValidationService:
    service: ValidationService = request.app.state.service
    return service


async def body_of(request: Request) -> bytes:
    limit_bytes: int = request.app.state.body_limit_bytes
    return await whole(request, limit_bytes)


type Service = Annotated[ValidationService, Depends(service_of)]
type Body = Annotated[bytes, Depends(body_of)]


@api.get("/codes")
async def codes() -> CodesAnswer:
    """List all codes that a mistake can have."""
    return all_codes()


@api.post("/orders", openapi_extra=described(JSON, schema=Order.model_json_schema(ref_template=_ORDER_PART)))
async def order(body: Body, service: Service, view: View = View.FLAT) -> OrderAnswer:
    """Read an order, or tell all that is wrong with it."""
    taken = await service.take_order(body, view)
    return OrderAnswer(lines=len(taken.items), total=str(taken.total))


@api.post(
    "/schemas",
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": RegisteredAnswer, "description": "It was registered before"}},
    openapi_extra=described(JSON, schema=ENVELOPE),
)
async def register(
    body: Body, service: Service, response: Response, *, strict: bool = False
) -> RegisteredAnswer:
    """Register a schema as a version that never changes; the same again is the same version."""
    registered = await service.register(body, strict=strict)
    response.status_code = HTTPStatus.CREATED if registered.is_new else HTTPStatus.OK
    response.headers["Location"] = f"{PREFIX}/schemas/{registered.id}"
    response.headers["ETag"] = f'"{registered.id}"'
    return RegisteredAnswer.model_validate({"id": registered.id, "warnings": registered.warnings})


@api.get("/schemas/{version_id}", response_class=Response, responses={200: {"content": {VERSION: {}}}})
async def show(
    version_id: str, service: Service, if_none_match: Annotated[list[str] | None, Header()] = None
) -> Response:
    """Return a version in its canonical form."""
    text = await service.show(version_id)
    tag = f'"{version_id}"'
    headers = {"ETag": tag, "Cache-Control": "public, max-age=31536000, immutable"}
    has = ", ".join(if_none_match or ())  # of as many lines as there are
    if has.strip() == "*" or tag in has:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(text, media_type=VERSION, headers=headers)


@api.post("/schemas/{version_id}/validate", openapi_extra=described(JSON))
async def validate(version_id: str, body: Body, service: Service, view: View = View.FLAT) -> ValidAnswer:
    """Validate one value."""
    await service.validate(version_id, body, view)
    return ValidAnswer()


@api.post("/schemas/{version_id}/batch", openapi_extra=described(JSON, schema={"type": "array"}))
async def batch(version_id: str, body: Body, service: Service) -> BatchAnswer:
    """Validate each item of an array."""
    return BatchAnswer.model_validate({"results": await service.validate_batch(version_id, body)})


@api.post(
    "/schemas/{version_id}/stream",
    response_class=Response,
    responses={200: {"content": {NDJSON: {}}}},
    openapi_extra=described(NDJSON, CSV, schema={"type": "string"}),
)
async def stream(version_id: str, request: Request, service: Service) -> Response:
    """Validate a stream, record by record; the first result is sent before the last record has come."""
    content_type = request.headers.get("content-type", NDJSON)  # without a body there is none
    is_csv = media_type_of(content_type) == CSV
    return Results(await service.validate_stream(version_id, chunks(request), is_csv=is_csv))


@api.post("/compatibility", response_model=ComparisonAnswer, openapi_extra=described(JSON, schema=PAIR))
async def compatibility(body: Body, service: Service) -> Response:
    """Tell whether a new version accepts all that an old one accepts."""
    comparison, witness = await service.compare(body)
    answer: dict[str, object] = {"compatible": comparison["compatible"]}
    if witness is not None:
        answer |= {"witness": orjson.Fragment(witness), "errors": comparison["errors"]}
    return Response(orjson.dumps(answer), media_type=JSON)


class Results(Response):
    """Sends each result when it is there. The framework's own stream would read the request beside it."""

    def __init__(self, results: AsyncIterator[Mapping[str, object]]) -> None:
        super().__init__(media_type=NDJSON)
        self._results = results

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", NDJSON.encode())]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        try:
            async for result in self._results:
                line = orjson.dumps(result) + b"\n"
                await send({"type": "http.response.body", "body": line, "more_body": True})
        except MalformedError as error:
            line = (
                orjson.dumps({"valid": False, "code": error.code, "detail": str(error), **error.place})
                + b"\n"
            )
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
