from collections.abc import Hashable

from pydantic_core import ValidationError

from validation_problems._entries import findings
from validation_problems._errors import InvalidInputError
from validation_problems._pydantic import entries_of, shapes
from validation_problems._pydantic_shape import adapter_of
from validation_problems._reader import rewritten
from validation_problems._value import Limits


class ModelBody:
    """Of a type that pydantic knows. Pydantic reads the text itself, once it is sure what the text says."""

    def __init__(self, declared: Hashable, limits: Limits, max_errors: int) -> None:
        self._validate_json = adapter_of(declared).validator.validate_json
        self._shape = shapes(declared)
        self._limits = limits
        self._max_errors = max_errors

    def read(self, text: bytes) -> object:
        try:
            taken: object = self._validate_json(rewritten(text, self._limits))
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            raise InvalidInputError(findings(entries_of(details, self._shape), self._max_errors)) from None
        return taken
