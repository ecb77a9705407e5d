from collections.abc import Mapping

from jsonschema_rs import RegexOptions, Validator, validator_for

from validation_problems._empty_names import has_empty_name
from validation_problems._entries import findings
from validation_problems._errors import InvalidInputError
from validation_problems._jsonschema_rs import Translation
from validation_problems._reader import read
from validation_problems._unions import BASE, Schemas
from validation_problems._value import Limits, Value

_PATTERNS = RegexOptions(size_limit=1_000_000)
"""Automata: no lookaround and no backreference, linear time, and so many bytes at most once compiled."""


class SchemaBody:
    """Of a JSON Schema 2020-12. What a reference leads to has to be in the schema."""

    def __init__(
        self, schema: Mapping[str, Value], limits: Limits, max_errors: int, *, assert_format: bool
    ) -> None:
        self._schemas = Schemas(dict(schema))
        self._validator: Validator = validator_for(
            dict(schema),
            base_uri=BASE,
            offline=True,
            pattern_options=_PATTERNS,
            validate_formats=assert_format,
            mask="*",
        )
        self._limits = limits
        self._max_errors = max_errors

    def read(self, text: bytes) -> Value:
        value = read(text, self._limits)
        if not self._validator.is_valid(value):
            translation = Translation(
                self._schemas, value, has_empty_name=b'""' in text and has_empty_name(value)
            )
            entries = translation.entries(self._validator.iter_errors(value))
            raise InvalidInputError(findings(entries, self._max_errors))
        return value
