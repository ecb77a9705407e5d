"""What can go wrong in this service, in its own terms; app.py gives each a status."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError


class FlagsError(Exception):
    """Base of every error that this service raises on purpose."""


class Mistake(NamedTuple):
    """One thing wrong with a document, at a JSON pointer into it."""

    code: str
    detail: str
    pointer: str


class InvalidInputError(FlagsError):
    """A document is not acceptable."""

    def __init__(self, code: str, detail: str, pointer: str) -> None:
        super().__init__(detail)
        self.mistakes: Sequence[Mistake] = [Mistake(code, detail, pointer)]


class InvalidDocumentError(FlagsError):
    """A document is not one, in the words of its model."""

    def __init__(self, error: ValidationError) -> None:
        super().__init__("The document is not acceptable.")
        self.error = error


class NotFoundError(FlagsError):
    """There is no such thing, or it is archived."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class ExistsError(FlagsError):
    """The key is taken, maybe by something that is archived."""

    def __init__(self) -> None:
        super().__init__("The key is taken.")


class TypeFixedError(FlagsError):
    """The type of a flag is what programs are written for."""

    def __init__(self) -> None:
        super().__init__("The type of a flag does not change: make another flag.")


class InUseError(FlagsError):
    """Other flags need it."""

    def __init__(self, users: Sequence[str]) -> None:
        super().__init__(f"It is needed by {', '.join(users)}.")
        self.users = users


class PreconditionRequiredError(FlagsError):
    """A change has to say which version it was made from."""

    def __init__(self) -> None:
        super().__init__("Send If-Match with the ETag that the change was made from.")


class PreconditionFailedError(FlagsError):
    """Somebody else was faster."""

    def __init__(self, version: int) -> None:
        super().__init__("It has changed since.")
        self.version = version


class UnauthorizedError(FlagsError):
    """The credential is missing or wrong: not so during an outage."""

    def __init__(self, detail: str = "The credential is missing, or not valid.") -> None:
        super().__init__(detail)


class FlagNotFoundError(FlagsError):
    """There is no such flag for who asks."""

    def __init__(self) -> None:
        super().__init__("There is no such flag.")


class InvalidContextError(FlagsError):
    """The context is none."""


class UnavailableError(FlagsError):
    """No ruleset is new enough, or there is none at all."""

    def __init__(self) -> None:
        super().__init__("The ruleset is not there yet. Send the request again.")


class StoreUnavailableError(FlagsError):
    """A store does not answer in time."""
