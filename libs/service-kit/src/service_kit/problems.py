"""Errors as a client sees them: RFC 9457 problem details, and the one table from error to status."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from types import MappingProxyType
from urllib.parse import quote

import structlog
from pydantic_core import ErrorDetails, ValidationError

from service_kit.json_text import Json

log = structlog.get_logger()

CONTENT_TYPE = "application/problem+json"
MOST_ERRORS = 100
"""A body of a mebibyte has room for 50,000 mistakes, and their list is eight times as long."""
NOTHING: Mapping[str, str] = MappingProxyType({})


# For OpenAPI documents, under components/schemas/Problem.
SCHEMA: Json = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details, RFC 9457.",
    "required": ["type", "title", "status", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "Into the JSON body: #/items/0/price"},
                    "parameter": {"type": "string", "description": "Of the query, the path or a header"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with the input, at a JSON pointer into the body or in a named parameter."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None

    def document(self) -> dict[str, Json]:
        """Return the members, of the two places the one that is known."""
        members: dict[str, Json] = {"code": self.code, "detail": self.detail}
        if self.pointer is not None:
            members["pointer"] = self.pointer
        if self.parameter is not None:
            members["parameter"] = self.parameter
        return members


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong. `code` is the stable name that programs branch on; the texts are for people."""

    status: int
    code: str
    title: str
    detail: str | None = None
    type: str = "about:blank"
    errors: Sequence[FieldError] = ()
    extensions: Mapping[str, Json] = field(default_factory=dict)
    headers: Mapping[str, str] = NOTHING

    def document(self, path: str, request_id: str) -> dict[str, Json]:
        """Return the RFC's members, then ours, then those extensions that would not replace one of them."""
        members: dict[str, Json] = {"type": self.type, "title": self.title, "status": self.status}
        if self.detail:
            members["detail"] = self.detail
        members |= {
            # Escaped, because `instance` is a URI reference; the query may hold a secret and stays out.
            "instance": quote(path, safe="/:@!$&'()*+,;=~"),
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            members["errors"] = [error.document() for error in self.errors]
        return members | {name: value for name, value in self.extensions.items() if name not in members}


class ProblemError(Exception):
    """Raised in a route to answer with a problem that no domain error stands for."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def of_status(status: int, detail: str | None = None, headers: Mapping[str, str] = NOTHING) -> Problem:
    """Return the plain problem of an HTTP status: 404 is `not_found`."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    return Problem(status, snake_case(title), title, detail, headers=headers)


def snake_case(title: str) -> str:
    """Turn a phrase into a code: "Not Found" into `not_found`."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """A row of the table: errors of this class become that problem."""

    error: type[Exception]
    problem_of: Callable[[Exception], Problem]


def on[E: Exception](  # noqa: PLR0913 - a row of a table, by keyword
    error: type[E],
    status: int,
    code: str,
    *,
    title: str | None = None,
    type: str = "about:blank",  # noqa: A002 - the RFC's word
    detail: Callable[[E], str] = str,
    errors: Callable[[E], Sequence[FieldError]] | None = None,
    headers: Callable[[E], Mapping[str, str]] | None = None,
    extensions: Callable[[E], Mapping[str, Json]] | None = None,
) -> ErrorRule:
    """Make a row. By default the error's own message is the detail, and so must be fit for a client."""

    def problem_of(raised: Exception) -> Problem:
        if not isinstance(raised, error):
            raise TypeError(f"{error.__name__} expected, got {raised!r}")
        return Problem(
            status,
            code,
            title or HTTPStatus(status).phrase,
            detail(raised),
            type,
            errors(raised) if errors else (),
            extensions(raised) if extensions else {},
            headers(raised) if headers else NOTHING,
        )

    return ErrorRule(error, problem_of)


def pointer(path: Iterable[str | int]) -> str:
    """Point into a JSON body, as RFC 9457's own example does: `#/items/0/price`.

    Source: RFC 6901, sections 3 (`~0` and `~1`) and 6 (the URI fragment form).
    """
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "#" + "".join("/" + quote(step, safe="~!$&'()*+,;=:@") for step in steps)


def body_error(detail: ErrorDetails) -> FieldError:
    """Say where in the body pydantic found what wrong; the value itself stays out."""
    return FieldError(detail["type"], message(detail), pointer=pointer(detail["loc"]))


def message(detail: ErrorDetails) -> str:
    """Return pydantic's words, or those of the validator that it quotes."""
    return detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")


def invalid_input(errors: Iterable[FieldError], count: int) -> Problem:
    """Make the 422 that lists what is wrong with the input, as far as it goes, of so many mistakes."""
    listed = list(islice(errors, MOST_ERRORS))
    more = f" The first {MOST_ERRORS} are listed." if count > MOST_ERRORS else ""
    counted = "1 value is" if count == 1 else f"{count} values are"
    return Problem(422, "invalid_input", "Invalid input", f"{counted} not acceptable.{more}", errors=listed)


def invalid_body(error: ValidationError) -> Problem:
    """Make the 422 for a body that pydantic refused."""
    return invalid_input(map(body_error, error.errors(include_url=False)), error.error_count())


def problem_of(error: Exception, rules: Iterable[ErrorRule]) -> Problem:
    """Find the row for an error, the most special class first; without one it is logged, and a plain 500."""
    if isinstance(error, ProblemError):
        return error.problem
    by_class = {rule.error: rule for rule in rules}
    for ancestor in type(error).__mro__:
        if ancestor in by_class:
            return by_class[ancestor].problem_of(error)
    log.error("unhandled error", exc_info=error)
    return of_status(500)


def invalid_json(error: ValueError) -> Problem:
    """Make the 400 for a body that is no JSON, with the parser's words for where."""
    return Problem(400, "invalid_json", "Invalid JSON", f"The body is not valid JSON: {error}.")


MISSING_BODY = invalid_json(ValueError("it is empty"))
