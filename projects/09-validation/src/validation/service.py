"""What the service does: it reads orders here, and has evaluators do all that schemas ask for."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from pydantic import ValidationError

from service_kit.json_text import Json
from validation.entries import findings
from validation.errors import (
    Answered,
    EvaluationStoppedError,
    InvalidInputError,
    MalformedError,
    SchemaNotFoundError,
    StorageError,
)
from validation.evaluators import Evaluators
from validation.normalise_pydantic import entries
from validation.orders import Order
from validation.reader import read
from validation.records import Record, Records, cells
from validation.registry import Registry
from validation.value import Limits
from validation.views import View, members

type Members = Mapping[str, Json]

# A larger one takes milliseconds to read, in which nobody else would be answered.
_READ_AT_ONCE_BYTES: Final = 8192
_TOGETHER: Final = 64


@dataclass(frozen=True, slots=True)
class Registered:
    """A version that was registered, now or before."""

    id: str
    is_new: bool
    warnings: Sequence[Members]


class ValidationService:
    """The verbs of the API."""

    def __init__(
        self,
        registry: Registry,
        evaluators: Evaluators,
        limits: Limits,
        most_errors: int,
        most_line_bytes: int,
    ) -> None:
        self._registry = registry
        self._evaluators = evaluators
        self._limits = limits
        self._most_errors = most_errors
        self._most_line_bytes = most_line_bytes

    async def take_order(self, body: bytes, view: View) -> Order:
        """Read and validate an order. Raises: MalformedError, InvalidInputError."""
        if len(body) > _READ_AT_ONCE_BYTES:
            return await asyncio.to_thread(self._order, body, view)
        return self._order(body, view)

    def _order(self, body: bytes, view: View) -> Order:
        value = read(body, self._limits)
        try:
            return Order.model_validate(value)
        except ValidationError as error:
            found = findings(entries(error, Order), self._most_errors)
            documents = [entry.document() for entry in found.entries]
            raise InvalidInputError(documents, members(found, view)) from error

    async def register(self, body: bytes, *, strict: bool) -> Registered:
        """Keep a version. Raises: MalformedError, InvalidInputError, EvaluationStoppedError, StorageError."""
        answer, _ = await self._ask("register", [body], strict=strict)
        warnings = answer["warnings"]
        return Registered(
            str(answer["id"]), answer["outcome"] == "created", warnings if isinstance(warnings, list) else []
        )

    async def show(self, version_id: str) -> bytes:
        """Return a version as it is kept. Raises: SchemaNotFoundError, StorageError."""
        return await asyncio.to_thread(self._registry.text, version_id)

    async def validate(self, version_id: str, body: bytes, view: View) -> None:
        """Let a valid value pass. Raises: like `register`, and SchemaNotFoundError."""
        await self._ask("validate", [body], id=version_id, view=view)

    async def validate_batch(self, version_id: str, body: bytes) -> object:
        """Return a result for each item of an array. Raises: like `validate`."""
        answer, _ = await self._ask("batch", [body], id=version_id)
        return answer["results"]

    async def compare(self, body: bytes) -> tuple[Members, bytes | None]:
        """Return what is known, and the witness as JSON, if there is one. Raises: like `validate`."""
        try:
            answer, parts = await self._ask("compatibility", [body])
        except EvaluationStoppedError:  # within the budget nobody can prove it
            return {"compatible": "unknown"}, None
        return answer, parts[0] if parts else None

    async def validate_stream(
        self, version_id: str, chunks: AsyncIterator[bytes], *, is_csv: bool
    ) -> AsyncIterator[Members]:
        """Yield a result for each record as soon as it is read, and a summary at the end.

        Raises: SchemaNotFoundError, before the first; then nothing that a record may hold.
        """
        await self._ask("records", [], id=version_id)
        return self._results(version_id, Records(self._most_line_bytes, is_csv=is_csv), chunks, is_csv=is_csv)

    async def _results(
        self, version_id: str, records: Records, chunks: AsyncIterator[bytes], *, is_csv: bool
    ) -> AsyncIterator[Members]:
        counts = {"records": 0, "valid": 0, "invalid": 0}
        header: list[str] | None = None
        async for group in _groups(records, chunks):
            judged = group
            if is_csv and header is None:
                header, judged = _header(group[0]), group[1:]
            for record, result in zip(judged, await self._judge(version_id, judged, header), strict=True):
                counts["records"] += 1
                counts["valid" if result["valid"] else "invalid"] += 1
                yield {"line": record.line, **result}
        yield {"summary": counts}

    async def _judge(
        self, version_id: str, group: Sequence[Record], header: Sequence[str] | None
    ) -> Sequence[Members]:
        """Judge some records together; where one takes too long, go on behind it."""
        whole = [record.text for record in group if record.text is not None]
        results: list[Members] = []
        while rest := whole[len(results) :]:
            try:
                found = await self._evaluators.ask("records", rest, len(rest), id=version_id, header=header)
                results += _results_of(found)
            except EvaluationStoppedError as error:
                results += _results_of(error.answers)
                results.append({"valid": False, "code": "evaluation_stopped", "detail": str(error)})
        of_whole = iter(results)
        return [self._too_long() if record.text is None else next(of_whole) for record in group]

    def _too_long(self) -> Members:
        error = MalformedError("line_limit", {"offset": self._most_line_bytes}, self._most_line_bytes)
        return {"valid": False, "code": error.code, "detail": str(error), **error.place}

    async def _ask(
        self, operation: str, parts: Sequence[bytes], **arguments: object
    ) -> tuple[Members, list[bytes]]:
        [(answer, found)] = await self._evaluators.ask(operation, parts, **arguments)
        return _taken(answer), found


async def _groups(records: Records, chunks: AsyncIterator[bytes]) -> AsyncIterator[list[Record]]:
    async for chunk in chunks:
        ended = list(records.feed(chunk))
        for start in range(0, len(ended), _TOGETHER):
            yield ended[start : start + _TOGETHER]
    if last := list(records.finish()):
        yield last


def _header(record: Record) -> list[str]:
    """Read the names of the columns. Raises: MalformedError, unless each is there once."""
    names = cells(record.text or b"")
    if not names or len(set(names)) < len(names) or names[0].startswith("\ufeff"):
        raise MalformedError("bad_record", {"offset": 0, "line": record.line})
    return names


def _results_of(answers: Sequence[Answered]) -> Iterator[Members]:
    for answer, _ in answers:
        results = _taken(answer)["results"]
        yield from (one for one in (results if isinstance(results, list) else []) if isinstance(one, dict))


def _taken(answer: Members) -> Members:
    """Let an answer pass, or raise what was raised in there."""
    if answer["outcome"] not in {"valid", "created", "known"}:
        _raise(answer)
    return answer


def _raise(answer: Members) -> NoReturn:
    """Raise here what was raised in there."""
    if answer["outcome"] == "malformed":
        place, limit = answer["place"], answer["limit"]
        raise MalformedError(
            str(answer["code"]),
            place if isinstance(place, dict) else {},
            limit if isinstance(limit, int) else None,
        )
    if answer["outcome"] == "not_found":
        raise SchemaNotFoundError
    if answer["outcome"] == "storage":
        raise StorageError
    errors, extensions = answer["errors"], answer["extensions"]
    raise InvalidInputError(
        errors if isinstance(errors, list) else [],
        extensions if isinstance(extensions, dict) else {},
        str(answer["code"]),
    )
