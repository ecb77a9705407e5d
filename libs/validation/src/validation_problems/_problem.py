"""Problem details, RFC 9457, and the one call that makes them of what a library has raised."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final
from urllib.parse import quote

import orjson

from validation_problems._entries import DEFAULT_MAX_ERRORS, NOTHING_FOUND, Entry, Findings, findings
from validation_problems._errors import InvalidInputError, MalformedError, NotAValidationError
from validation_problems._reader import malformed
from validation_problems._value import Json
from validation_problems._views import View, shown

CONTENT_TYPE: Final = "application/problem+json"
# Who raises it: the module here that translates. It is imported with the first such error.
_TRANSLATORS: Final = {
    "fastapi": "_fastapi_errors",
    "jsonschema_rs": "_jsonschema_rs",
    "litestar": "_litestar_errors",
    "msgspec": "_msgspec",
    "pydantic_core": "_pydantic",
}

type _Translate = Callable[[BaseException, object], Iterator[Entry] | None]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one request."""

    status: int
    code: str
    title: str
    detail: str
    findings: Findings = NOTHING_FOUND
    extensions: Mapping[str, Json] = field(default_factory=dict)

    def document(self, instance: str | None = None, request_id: str | None = None) -> dict[str, Json]:
        """Return the RFC's members, then ours. `instance` is the path that was asked for, as it was sent."""
        members: dict[str, Json] = {"type": "about:blank", "title": self.title, "status": self.status}
        members["detail"] = self.detail
        if instance is not None:
            # Escaped, because it is a URI reference.
            members["instance"] = quote(instance, safe="/:@!$&'()*+,;=~%")
        members["code"] = self.code
        if request_id is not None:
            members["request_id"] = request_id
        if self.findings.by_pointer:
            members["errors"] = self.findings.document()
        members.update(self.extensions)
        return members

    def body(self, instance: str | None = None, request_id: str | None = None) -> bytes:
        """Return the same as a text, of the type CONTENT_TYPE."""
        document = self.document(instance, request_id)
        try:
            return orjson.dumps(document)
        except TypeError:  # a rule has a number of more than 64 bits
            return json.dumps(document, ensure_ascii=False, default=str).encode()


def problem_of(
    error: Exception,
    declared: object = None,
    *,
    max_errors: int = DEFAULT_MAX_ERRORS,
    view: View = View.FLAT,
) -> Problem:
    """Return the same problem for the same bad input, whichever library has refused it.

    `declared` is the type that pydantic validated: its errors do not say it, and without it the names of a
    union's branches stay in the places. Msgspec and jsonschema-rs raise the first mistake alone: `body_of`
    finds all.
    Raises: NotAValidationError.
    """
    told: BaseException | None = error
    while told is not None:
        if isinstance(told, InvalidInputError):
            return _invalid(told.findings, view)
        try:
            if (entries := _translated(told, declared)) is not None:
                return _invalid(findings(entries, max_errors), view)
        except MalformedError as unreadable:
            return _malformed(unreadable)
        # Litestar and Flask raise an error of their own, because of the library's.
        told = told.__cause__ or told.__context__
    raise NotAValidationError(f"{type(error).__name__} is no error of a validation") from error


def _translated(error: BaseException, declared: object) -> Iterator[Entry] | None:
    """Return the mistakes that it tells, if it is one that a library here raises. Raises: MalformedError."""
    if isinstance(error, MalformedError):
        raise error
    if isinstance(error, json.JSONDecodeError):
        raise malformed(error.doc, error.pos)
    for ancestor in type(error).__mro__:
        if name := _TRANSLATORS.get(ancestor.__module__.partition(".")[0]):
            translate: _Translate = import_module(f"{__package__}.{name}").entries_of_error
            return translate(error, declared)
    return None


def _invalid(found: Findings, view: View) -> Problem:
    count = len(found.by_pointer)
    told = "There is 1 mistake." if count == 1 else f"There are {count} mistakes."
    return Problem(422, "invalid_input", "Invalid input", told, found, shown(found, view))


def _malformed(error: MalformedError) -> Problem:
    return Problem(400, error.code, "Malformed input", str(error), extensions=dict(error.place))
