from collections.abc import Mapping

from validation_problems._codes import CODES
from validation_problems._entries import Findings


class MalformedError(ValueError):
    """The text is no JSON that is taken.

    Of its place `offset` counts bytes from 0, and `line` and `column` count lines and characters from 1.
    `pointer` leads to the value in which it is, where that is known.
    """

    def __init__(self, code: str, place: Mapping[str, str | int], limit: int | None = None) -> None:
        super().__init__(CODES[code].explain({"limit": limit}))
        self.code = code
        self.place = place
        self.limit = limit


class InvalidInputError(ValueError):
    """The input is read, and not acceptable; `findings` is all that is wrong with it."""

    def __init__(self, findings: Findings) -> None:
        super().__init__("The input is not acceptable.")
        self.findings = findings


class NotAValidationError(TypeError):
    """An error that no library raises for bad input."""
