"""Errors as a client sees them: RFC 9457 problem details, and how an error becomes one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from litestar.exceptions import HTTPException, ValidationException

from mini_rest.errors import InvalidFieldError
from service_kit import json_text

CONTENT_TYPE: Final = "application/problem+json"

type Errors = Sequence[Mapping[str, str]]
type ErrorTable = Mapping[type[Exception], Callable[[Exception], Problem]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong. `code` is the stable name that programs branch on; the texts are for people."""

    status: int
    code: str
    detail: str = ""
    errors: Errors = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, path: str, request_id: str) -> bytes:
        """Write the document. The query stays out of `instance`: it may hold a secret."""
        members: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail or HTTPStatus(self.status).phrase,
            "instance": quote(path, safe="/:@!$&'()*+,;=~"),
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            members["errors"] = self.errors
        return json_text.render(members)


class HttpError(Exception):
    """HTTP itself is at fault: no such path, no such method, another media type."""

    def __init__(self, status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.problem = Problem(status, code_of(status), detail, headers=headers or {})


def code_of(status: int) -> str:
    """Name a status: 404 is `not_found`."""
    return HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_").replace("'", "")


def problem_of(error: Exception, table: ErrorTable) -> Problem:
    """Find what an error is to a client. What nobody has thought of is logged, and a plain 500."""
    if isinstance(error, HttpError):
        return error.problem
    for ancestor in type(error).__mro__:
        if ancestor in table:
            return table[ancestor](error)
    if isinstance(error, ValidationException):
        return invalid_body([found for found in error.extra or [] if isinstance(found, dict)])
    if isinstance(error, HTTPException):
        return Problem(error.status_code, code_of(error.status_code))
    log.error("unhandled error", exc_info=error)
    return Problem(500, code_of(500))


def invalid_input(flaws: Sequence[InvalidFieldError]) -> Problem:
    """Make the 422, which points at each mistake in the body."""
    errors = [{"pointer": pointer(it.field), "code": it.code, "detail": it.reason} for it in flaws]
    return Problem(422, "invalid_input", "The body is not acceptable.", errors)


def invalid_query(flaws: Sequence[InvalidFieldError]) -> Problem:
    """Make the 400, which names each parameter that is wrong."""
    errors = [{"parameter": it.field, "code": it.code, "detail": it.reason} for it in flaws]
    return Problem(400, "invalid_query", "The query is not acceptable.", errors)


def invalid_body(found: Sequence[Mapping[str, str]]) -> Problem:
    """Make the 422 of what Litestar says, which is msgspec's words and the path to the place.

    Of a field that should not be there, or is missing, msgspec gives the path to the object around it.
    """
    flaws = []
    for one in found:
        message, key = one.get("message", ""), one.get("key", "data")
        named = message.partition("field `")[2].rstrip("`")
        flaws.append(InvalidFieldError(named or ("" if key == "data" else key), "invalid", message))
    return invalid_input(flaws)


def pointer(name: str) -> str:
    """Point at a member of the body. Source: RFC 6901, sections 3 and 6."""
    if not name:
        return "#"
    return "#/" + quote(name.replace("~", "~0").replace("/", "~1"), safe="~!$&'()*+,;=:@")
