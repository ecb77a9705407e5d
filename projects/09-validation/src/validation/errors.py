"""What can go wrong in this service, in its own terms; app.py gives each a status."""

from collections.abc import Mapping, Sequence

from service_kit.json_text import Json
from validation.codes import CODES

type Members = Mapping[str, Json]
type Answered = tuple[Members, list[bytes]]


class ValidationServiceError(Exception):
    """Base of every error that this service raises on purpose."""


class MalformedError(ValidationServiceError):
    """The text is no JSON that is taken, or no record.

    Of its place `offset` counts bytes from 0, and `line` and `column` count lines and characters from 1.
    """

    def __init__(self, code: str, place: Mapping[str, str | int], limit: int | None = None) -> None:
        super().__init__(CODES[code].explain({"limit": limit}))
        self.code = code
        self.place = place
        self.limit = limit


class InvalidInputError(ValidationServiceError):
    """The input is read, and not acceptable: here is all that is wrong with it, as the client is told."""

    def __init__(self, errors: Sequence[Members], extensions: Members, code: str = "invalid_input") -> None:
        super().__init__(code)
        self.errors = errors
        self.extensions = extensions
        self.code = code


class SchemaNotFoundError(ValidationServiceError):
    """No version has this id."""

    def __init__(self) -> None:
        super().__init__("There is no version with this id.")


class EvaluationStoppedError(ValidationServiceError):
    """An evaluation took longer than its budget, or more memory than its process has.

    Of several in one request these were answered before.
    """

    def __init__(self, budget_ms: int, answers: Sequence[Answered] = ()) -> None:
        super().__init__(f"It was stopped after {budget_ms} ms.")
        self.answers = answers


class StorageError(ValidationServiceError):
    """The registry cannot be read or written."""

    def __init__(self) -> None:
        super().__init__("The registry cannot be read or written now.")
