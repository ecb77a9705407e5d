"""How a reminder reaches its receiver: one small protocol, and a channel for each way."""

from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol

import structlog

from reminders.domain import Claim, Outcome, Result
from reminders.signatures import signature
from service_kit.egress import RefusedDestinationError
from service_kit.json_text import render
from service_kit.outgoing import Answer, Poster, describe

USER_AGENT: Final = "reminders/1"

log = structlog.get_logger()


class DeliveryChannel(Protocol):
    """A way to a receiver."""

    async def deliver(self, claim: Claim, sent_at: datetime) -> Result:
        """Make one attempt; what goes wrong is in the result, not raised."""
        ...


class LogChannel:
    """Writes the reminder to the log."""

    async def deliver(self, claim: Claim, sent_at: datetime) -> Result:
        log.info("reminder", **content(claim, sent_at))
        return Result(Outcome.DELIVERED)


class WebhookChannel:
    """Posts the reminder to its callback."""

    def __init__(self, poster: Poster, signing_key: bytes | None) -> None:
        self._poster = poster
        self._signing_key = signing_key

    async def deliver(self, claim: Claim, sent_at: datetime) -> Result:
        body = render(content(claim, sent_at))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Idempotency-Key": claim.idempotency_key,
        }
        if self._signing_key is not None:
            headers |= signature(self._signing_key, claim.idempotency_key, sent_at, body)
        try:
            return result_of(await self._poster.post(claim.reminder.callback_url or "", headers, body))
        except TimeoutError:
            return Result(Outcome.FAILED, error=f"no answer within {self._poster.timeout_seconds:g} s")
        except RefusedDestinationError as error:
            return Result(Outcome.FAILED, error=f"refused: {error}")
        except (OSError, EOFError, ValueError) as error:
            return Result(Outcome.FAILED, error=describe(error))


def content(claim: Claim, sent_at: datetime) -> dict[str, object]:
    """Return what a receiver is told."""
    reminder = claim.reminder
    return {
        "reminder_id": reminder.id,
        "occurrence": reminder.occurrence,
        "attempt": reminder.attempt_count,
        "message": reminder.message,
        "remind_at": reminder.remind_at,
        "sent_at": sent_at,
    }


def result_of(answer: Answer) -> Result:
    """Turn an answer into a result: 2xx is success, 410 is final, all else is tried again."""
    status_code = answer.status
    if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
        return Result(Outcome.DELIVERED, status_code)
    if status_code == HTTPStatus.GONE:
        return Result(Outcome.GONE, status_code, "the receiver answered 410 Gone")
    error = f"the receiver answered {status_code}"
    return Result(Outcome.FAILED, status_code, error, answer.retry_after_seconds)
