import msgspec

from validation_problems._entries import findings
from validation_problems._errors import InvalidInputError
from validation_problems._msgspec import entries
from validation_problems._reader import read
from validation_problems._value import Limits


class StructBody:
    """Of a type that msgspec knows."""

    def __init__(self, declared: type[msgspec.Struct], limits: Limits, max_errors: int) -> None:
        self._declared = declared
        self._limits = limits
        self._max_errors = max_errors

    def read(self, text: bytes) -> object:
        value = read(text, self._limits)
        try:
            return msgspec.convert(value, self._declared)
        except msgspec.ValidationError:
            raise InvalidInputError(findings(entries(value, self._declared), self._max_errors)) from None
