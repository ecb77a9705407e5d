"""Mails: promised in the transaction that causes them, and sent by a worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

LONGEST_WAIT_SECONDS: Final = 10


class MailKind(StrEnum):
    """What a mail is about. What it says is decided when it is sent."""

    REGISTRATION = "registration"
    RESET = "reset"
    INVITATION = "invitation"
    ENDPOINT_DISABLED = "endpoint_disabled"


@dataclass(frozen=True, slots=True)
class DueMail:
    """A mail that is to be sent now."""

    id: UUID
    kind: MailKind
    email: str
    args: Mapping[str, str]
    attempts: int

    def wait(self) -> timedelta:
        """Return how long it waits after a failure: 1, 2, 4, 8, and then ten seconds each time."""
        return timedelta(seconds=min(2 ** min(self.attempts - 1, 10), LONGEST_WAIT_SECONDS))
