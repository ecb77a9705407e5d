"""Idempotency-Key over HTTP, for the writes that take it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from litestar import Response
from pydantic import BaseModel

from auth.litestar import AuthRequest
from core.idempotency.domain import Answer, Once, ReplayedError
from core.identity.domain import digest_of
from service_kit.idempotency_key import idempotency_key

if TYPE_CHECKING:
    from litestar import Request
    from litestar.datastructures import State


def once[T](request: AuthRequest, data: BaseModel, answer_of: Callable[[T], Answer]) -> Once[T] | None:
    """Read the key of a write; None if it has none. Raises: ProblemError, 400."""
    key = idempotency_key(request.headers.getall("idempotency-key", []))
    if key is None:
        return None
    operation = f"{request.method} {request.scope['path']}"
    return Once(digest_of(operation, key), digest_of(data.model_dump_json()), answer_of)


def answered(document: BaseModel, status: int, **headers: str) -> Answer:
    """Return what is to be remembered of an answer."""
    return Answer(status, headers, document.model_dump(mode="json"))


def replayed(_: "Request[object, object, State]", error: ReplayedError) -> Response[object]:
    """Answer as the first time."""
    answer = error.answer
    headers = {**answer.headers, "idempotency-replayed": "true"}
    return Response(answer.body, status_code=answer.status, headers=headers)
