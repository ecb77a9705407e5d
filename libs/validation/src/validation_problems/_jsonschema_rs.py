"""The errors of jsonschema-rs, told by the rules that hold for all libraries, under the same codes.

It reports by keyword. Told as it is, a missing member would point at its parent, two unknown members would
share one error, and one mistake in a union would be reported by every branch of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from validation_problems._empty_names import full_path
from validation_problems._entries import Entry, Path
from validation_problems._params import plain
from validation_problems._quick import whole
from validation_problems._unions import Schemas, pick
from validation_problems._value import Json, Value

# The code for a mistake of the value's own, and what the param is called that the library has with it.
_OF_ONE_VALUE: Final[Mapping[type[Kind], tuple[str, str | None]]] = {
    Kind.FalseSchema: ("forbidden", None),
    Kind.Not: ("matches_not", None),
    Kind.UniqueItems: ("not_unique", None),
    Kind.OneOfMultipleValid: ("several_branches", None),
    Kind.Type: ("wrong_type", "expected"),
    Kind.Constant: ("not_the_constant", "expected"),
    Kind.Enum: ("not_in_enum", "expected"),
    Kind.Pattern: ("pattern_mismatch", "pattern"),
    Kind.Format: ("bad_format", "format"),
    Kind.MultipleOf: ("not_a_multiple", "of"),
    Kind.Minimum: ("too_small", "limit"),
    Kind.Maximum: ("too_large", "limit"),
    Kind.ExclusiveMinimum: ("not_above", "limit"),
    Kind.ExclusiveMaximum: ("not_below", "limit"),
    Kind.MinLength: ("too_short", "limit"),
    Kind.MaxLength: ("too_long", "limit"),
    Kind.MinItems: ("too_few_items", "limit"),
    Kind.MaxItems: ("too_many_items", "limit"),
    Kind.MinProperties: ("too_few_members", "limit"),
    Kind.MaxProperties: ("too_many_members", "limit"),
}


class Translation:
    """Of the errors of one value under one schema."""

    def __init__(self, schemas: Schemas | None, value: Value = None, *, has_empty_name: bool = False) -> None:
        self._schemas = schemas
        self._value = value
        self._has_empty_name = has_empty_name

    def entries(self, errors: Iterable[ValidationError]) -> Iterator[Entry]:
        for error in errors:
            path: Path = tuple(error.instance_path)
            if self._has_empty_name:
                path = full_path(path, self._value, error.verbose_message, "On instance")
            yield from self._entries_of(error, path)

    def _entries_of(self, error: ValidationError, path: Path) -> Iterator[Entry]:
        keyword: Path = tuple(error.evaluation_path)
        match error.kind:
            case Kind.OneOfNotValid(context=branches) | Kind.AnyOf(context=branches):
                yield from self._union(error, branches, path)
            case Kind.Required(property=name):
                yield Entry((*path, name), "missing", keyword=keyword)
            case Kind.AdditionalProperties(unexpected=names) | Kind.UnevaluatedProperties(unexpected=names):
                yield from (Entry((*path, name), "unknown_member", keyword=keyword) for name in names)
            case Kind.FalseSchema() if keyword[-1:] == ("additionalProperties",):
                # Beside no `properties` the library says it of the object, once.
                within = value_at(self._value, path)
                members = within if isinstance(within, dict) else {}
                yield from (Entry((*path, name), "unknown_member", keyword=keyword) for name in members)
            case Kind.PropertyNames(error=nested):
                yield Entry((*path, str(nested.instance)), "bad_name", keyword=keyword)
            case kind:
                code, params = _of_one_value(kind, keyword)
                yield Entry(path, code, params, keyword)

    def _union(
        self, error: ValidationError, branches: list[list[ValidationError]], path: Path
    ) -> Iterator[Entry]:
        keyword: Path = tuple(error.evaluation_path)
        picked = pick(self._schemas.branches(keyword), whole(error.instance)) if self._schemas else None
        if picked is not None and picked < len(branches):
            yield from self.entries(branches[picked])
        else:
            yield Entry(path, "no_branch", {"branches": len(branches)}, keyword)


def _of_one_value(kind: Kind, keyword: Path) -> tuple[str, dict[str, Json]]:
    """Return the code and the params of a mistake that is the value's own."""
    if isinstance(kind, Kind.Contains):
        return ("contains_too_many" if keyword[-1] == "maxContains" else "contains_too_few"), {}
    if isinstance(kind, Kind.UnevaluatedItems):
        return "unknown_items", {"count": len(kind.unexpected)}
    code, param = _OF_ONE_VALUE[type(kind)]
    return code, {param: _told(kind.value)} if param else {}


def _told(value: object) -> Json:
    if isinstance(value, list):
        return [_told(one) for one in value]
    return {str(name): _told(one) for name, one in value.items()} if isinstance(value, dict) else plain(value)


def value_at(value: Value, path: Path) -> Value:
    for step in path:
        value = (
            value[int(step)]
            if isinstance(value, list)
            else value[str(step)]
            if isinstance(value, dict)
            else None
        )
    return value


def entries_of_error(error: BaseException, declared: object) -> Iterator[Entry] | None:
    """Translate the one mistake that was raised; `declared` is the schema, to pick a union's branch by."""
    if not isinstance(error, ValidationError):
        return None
    schemas = Schemas(dict(declared)) if isinstance(declared, Mapping) else None
    return Translation(schemas).entries([error])
