"""`python -m validation.evaluator`: a process that reads, registers, judges and compares, frame by frame.

What a client sends may take for ever, or kill whoever evaluates it. So all of it happens in here, where it
can be stopped: see evaluators.py.
"""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from validation import admission
from validation.canonical import canonical
from validation.compatibility import compare
from validation.compiled import Compiled
from validation.entries import Findings
from validation.errors import MalformedError, SchemaNotFoundError, StorageError
from validation.frames import decode, encode
from validation.reader import read
from validation.records import row
from validation.registry import Registry, Schema, Version
from validation.value import Limits, Value
from validation.views import View, members

_ENVELOPE: Final[Schema] = {
    "type": "object",
    "required": ["schema"],
    "additionalProperties": False,
    "properties": {
        "schema": {"type": ["object", "boolean"]},
        "assert_format": {"type": "boolean"},
        "resources": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z0-9+.-]*:[^#]+$"},
            "additionalProperties": {"type": ["object", "boolean"]},
        },
    },
}
_PAIR: Final[Schema] = {
    "type": "object",
    "required": ["old", "new"],
    "additionalProperties": False,
    "properties": {name: {"type": "string", "pattern": "^[0-9a-f]{64}$"} for name in ("old", "new")},
}
_BATCH: Final[Schema] = {"type": "array"}
# A schema is tried on all of these before it is taken: most that explode do so now, and not on a client.
_TRIALS: Final[Sequence[Value]] = (None, True, 0, "", [], {}, [0], {"": 0})
_COMPILED_KEPT: Final = 64
_GRACE_SECONDS: Final = 0.5

type Answer = tuple[dict[str, object], list[bytes]]


class Evaluator:
    """Answers the requests of the service."""

    def __init__(self, data_dir: Path, limits: Limits, most_errors: int) -> None:
        self._registry = Registry(data_dir)
        self._limits = limits
        self._most_errors = most_errors
        self._own = {name: self._compiled_of(schema) for name, schema in _OWN.items()}
        self._compiled = lru_cache(_COMPILED_KEPT)(self._load)

    def answers(self, request: Mapping[str, object], parts: Sequence[bytes]) -> Iterator[Answer]:
        """Yield the answer, or one for each record: what comes behind one that explodes has its own time."""
        if request["operation"] != "records" or not parts:
            yield self._answer(request, parts)
            return
        for record in parts:
            yield self._answer(request, [record])

    def _answer(self, request: Mapping[str, object], parts: Sequence[bytes]) -> Answer:
        operation = _OPERATIONS[str(request["operation"])]
        try:
            return operation(self, request, parts)
        except MalformedError as error:
            return {
                "outcome": "malformed",
                "code": error.code,
                "limit": error.limit,
                "place": error.place,
            }, []
        except SchemaNotFoundError:
            return {"outcome": "not_found"}, []
        except StorageError:
            return {"outcome": "storage"}, []

    def register(self, request: Mapping[str, object], parts: Sequence[bytes]) -> Answer:
        envelope = read(parts[0], self._limits)
        if not (found := self._own["envelope"].findings(envelope)).is_valid:
            return self._invalid(found), []
        version = _version_of(envelope)
        wrong = list(admission.mistakes(version))
        warnings = [] if wrong else list(admission.misspellings(version))
        if wrong or (warnings and request["strict"]):
            return self._invalid(Findings(tuple(wrong or warnings)), "invalid_schema"), []
        compiled = Compiled(version, self._most_errors)
        for value in _TRIALS:
            compiled.findings(value)
        created = self._registry.save(version)
        return {
            "outcome": "created" if created else "known",
            "id": version.id,
            "warnings": [warning.document() for warning in warnings],
        }, []

    def validate(self, request: Mapping[str, object], parts: Sequence[bytes]) -> Answer:
        compiled = self._compiled(str(request["id"]))
        found = compiled.findings(read(parts[0], self._limits))
        if found.is_valid:
            return {"outcome": "valid"}, []
        return self._invalid(found, view=View(str(request["view"]))), []

    def batch(self, request: Mapping[str, object], parts: Sequence[bytes]) -> Answer:
        compiled = self._compiled(str(request["id"]))
        values = read(parts[0], self._limits)
        if not isinstance(values, list):
            return self._invalid(self._own["batch"].findings(values)), []
        results = [
            {"index": number, **_result(compiled.findings(value))} for number, value in enumerate(values)
        ]
        return {"outcome": "valid", "results": results}, []

    def records(self, request: Mapping[str, object], parts: Sequence[bytes]) -> Answer:
        """Judge a line of NDJSON or a record of CSV, or tell only whether there is such a version."""
        compiled = self._compiled(str(request["id"]))
        results = [self._result_of(compiled, request.get("header"), record) for record in parts]
        return {"outcome": "valid", "results": results}, []

    def compatibility(self, _: Mapping[str, object], parts: Sequence[bytes]) -> Answer:
        pair = read(parts[0], self._limits)
        if not (found := self._own["pair"].findings(pair)).is_valid or not isinstance(pair, dict):
            return self._invalid(found), []
        comparison = compare(self._compiled(str(pair["old"])), self._compiled(str(pair["new"])))
        answer: dict[str, object] = {"outcome": "valid", "compatible": comparison.compatible.value}
        if comparison.findings.is_valid:
            return answer, []
        # As exact as it was found: JSON of another make might round it.
        return answer | _result(comparison.findings), [canonical(comparison.witness).encode()]

    def _result_of(self, compiled: Compiled, header: object, record: bytes) -> object:
        try:
            if isinstance(header, list):
                value = row(header, record, compiled.version.schema, self._limits)
            else:
                value = read(record, self._limits)
            return _result(compiled.findings(value))
        except MalformedError as error:
            place = {name: where for name, where in error.place.items() if name != "line"}
            return {"valid": False, "code": error.code, "detail": str(error), **place}

    def _load(self, version_id: str) -> Compiled:
        return Compiled(self._registry.load(version_id), self._most_errors)

    def _compiled_of(self, schema: Schema) -> Compiled:
        return Compiled(Version(schema, {}, assert_format=False), self._most_errors)

    def _invalid(
        self, found: Findings, code: str = "invalid_input", view: View = View.FLAT
    ) -> dict[str, object]:
        shown = Findings(found.entries[: self._most_errors], found.is_truncated)
        return {
            "outcome": "invalid",
            "code": code,
            "errors": [entry.document() for entry in shown.entries],
            "extensions": members(shown, view),
        }


def _version_of(envelope: Value) -> Version:
    given = envelope if isinstance(envelope, dict) else {}
    schema, resources = given.get("schema"), given.get("resources")
    return Version(
        schema if isinstance(schema, dict | bool) else False,
        resources if isinstance(resources, dict) else {},
        assert_format=given.get("assert_format") is True,
    )


def _result(found: Findings) -> dict[str, object]:
    if found.is_valid:
        return {"valid": True}
    errors = [entry.document() for entry in found.entries]
    return {"valid": False, "errors": errors, **members(found, View.FLAT)}


_OWN: Final = {"envelope": _ENVELOPE, "pair": _PAIR, "batch": _BATCH}
type _Operation = Callable[[Evaluator, Mapping[str, object], Sequence[bytes]], Answer]
_OPERATIONS: Final[Mapping[str, _Operation]] = {
    "register": Evaluator.register,
    "validate": Evaluator.validate,
    "batch": Evaluator.batch,
    "records": Evaluator.records,
    "compatibility": Evaluator.compatibility,
}


def main() -> None:
    data_dir, depth, member_limit, strings, most_errors, budget_ms = sys.argv[1:]
    # Who stops the service signals all of its processes; the requests that run then are to be finished.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    limits = Limits(int(depth), int(member_limit), int(strings))
    evaluator = Evaluator(Path(data_dir), limits, int(most_errors))
    budget_seconds = int(budget_ms) / 1000
    output = sys.stdout.buffer
    output.write(encode({"outcome": "ready"}))
    output.flush()
    while True:
        try:
            request, parts = decode(_read_exactly)
        except EOFError:  # the service has ended
            return
        answers = evaluator.answers(request, parts)
        while (answer := _within(budget_seconds, answers)) is not None:
            output.write(encode(*answer))
            output.flush()


def _within(budget_seconds: float, answers: Iterator[Answer]) -> Answer | None:
    """Return the next answer, or end with the process: the alarms of the kernel end whatever it is at.

    Nobody handles them, and so nobody has to run for that, and no service to be there.
    The budget is of processor time, so that a busy machine stops nobody soon.
    """
    signal.setitimer(signal.ITIMER_PROF, budget_seconds)
    signal.setitimer(signal.ITIMER_REAL, budget_seconds + _GRACE_SECONDS)
    answer = next(answers, None)
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return answer


def _read_exactly(size: int) -> bytes:
    text = sys.stdin.buffer.read(size)
    if len(text) < size:
        raise EOFError
    return text


if __name__ == "__main__":
    main()
