"""OFREP's routes, and the stream."""

from typing import Annotated, Final

from litestar import Request, Response, Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from flags.guards import lines_of, presented_keys
from flags.ofrep import Evaluation, context_of
from flags.ofrep_surface import KNOWN_STATUSES, UNPROCESSABLE
from flags.schemas import EvaluationRequest, OfrepError
from flags.streams import Streams

Asked = Request[None, None, State]
Evaluating = NamedDependency[Evaluation]
Opening = NamedDependency[Streams]
ConfigTag = Annotated[str | None, QueryParameter(query="flagConfigEtag", max_length=100)]
ConfigModified = Annotated[str | None, QueryParameter(query="flagConfigLastModified", max_length=100)]
Token = Annotated[str, QueryParameter(max_length=200)]
Since = Annotated[str | None, QueryParameter(max_length=100)]

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
ERRORS: Final = {
    status: ResponseSpec(OfrepError, generate_examples=False, description="An error as OFREP has it")
    for status in sorted(KNOWN_STATUSES - {UNPROCESSABLE})
}
STREAM_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


@post("/evaluate/flags/{key:str}", status_code=200, responses=ERRORS)
async def evaluate_one(
    key: FromPath[str], data: JSONBody[EvaluationRequest], request: Asked, evaluation: Evaluating
) -> Response[bytes]:
    """Evaluate one flag."""
    caller = await evaluation.authenticate(presented_keys(request.scope["headers"]))
    return Response(evaluation.one(key, context_of(data.context), caller), media_type=JSON)


@post("/evaluate/flags", status_code=200, responses=ERRORS)
async def evaluate_all(
    data: JSONBody[EvaluationRequest],
    request: Asked,
    evaluation: Evaluating,
    config_tag: ConfigTag = None,
    config_modified: ConfigModified = None,  # noqa: ARG001 - part of the protocol; the tag says more
) -> Response[bytes | None]:
    """Evaluate all flags that the key may see."""
    headers = request.scope["headers"]
    caller = await evaluation.authenticate(presented_keys(headers))
    known = lines_of(headers, b"if-none-match")
    bulk = await evaluation.many(context_of(data.context), caller, known, config_tag)
    tag = {"etag": bulk.etag}
    if bulk.body is None:
        return Response(None, status_code=304, headers=tag)
    return Response(bulk.body, media_type=JSON, headers=tag)


@get("/stream", media_type=EVENTS, responses=ERRORS)
async def stream(request: Asked, streams: Opening, token: Token, since: Since = None) -> Stream:
    """Tell of each change that there was one."""
    last = lines_of(request.scope["headers"], b"last-event-id")
    content = await streams.open(token, last[-1] if last else since)
    return Stream(content, media_type=EVENTS, headers=STREAM_HEADERS)


OFREP: Final = Router("/ofrep/v1", route_handlers=[evaluate_one, evaluate_all, stream])
