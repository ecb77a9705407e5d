"""How a reminder reaches its receiver: one small protocol, and a channel for each way."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Protocol

import httpx
import structlog

from reminders.callbacks import Address, CallbackGuard
from reminders.domain import Claim, Outcome, Result
from reminders.errors import InvalidFieldError
from reminders.signatures import signature
from service_kit.json_text import render

USER_AGENT: Final = "reminders/1"
LONGEST_ERROR: Final = 200

log = structlog.get_logger()


class DeliveryChannel(Protocol):
    """A way to a receiver."""

    async def deliver(self, claim: Claim, sent_at: datetime) -> Result:
        """Make one attempt; what goes wrong is in the result, not raised. The caller limits the time."""
        ...


class LogChannel:
    """Writes the reminder to the log."""

    async def deliver(self, claim: Claim, sent_at: datetime) -> Result:
        log.info("reminder", **content(claim, sent_at))
        return Result(Outcome.DELIVERED)


class WebhookChannel:
    """Posts the reminder to its callback, at the address that was checked, and follows no redirect."""

    def __init__(self, guard: CallbackGuard, signing_key: bytes | None) -> None:
        self._guard = guard
        self._signing_key = signing_key
        # A transport and not a client, which would keep cookies and might follow redirects or a proxy.
        # No idle connections: one that was opened for one host would be used for another at its address.
        self._transport = httpx.AsyncHTTPTransport(
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

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
            url = self._guard.check(claim.reminder.callback_url or "")
            *others, last = await self._guard.resolve(url)
            for address in others:
                with suppress(httpx.ConnectError):
                    return await self._post(address, url, headers, body, sent_at)
            return await self._post(last, url, headers, body, sent_at)
        except InvalidFieldError as error:
            return Result(Outcome.FAILED, error=f"refused: {error.reason}")
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            return Result(Outcome.FAILED, error=describe(error))

    async def close(self) -> None:
        await self._transport.aclose()

    async def _post(
        self, address: Address, url: httpx.URL, headers: Mapping[str, str], body: bytes, sent_at: datetime
    ) -> Result:
        request = httpx.Request(
            "POST",
            url.copy_with(host=str(address)),
            headers={"Host": url.netloc.decode("ascii"), **headers},
            content=body,
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        response = await self._transport.handle_async_request(request)
        await response.aclose()  # the status is the answer, and the body may have no end
        return result_of(response.status_code, response.headers, sent_at)


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


def result_of(status_code: int, headers: Mapping[str, str], now: datetime) -> Result:
    """Turn an answer into a result: 2xx is success, 410 is final, all else is tried again."""
    if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
        return Result(Outcome.DELIVERED, status_code)
    if status_code == HTTPStatus.GONE:
        return Result(Outcome.GONE, status_code, "the receiver answered 410 Gone")
    wait_seconds = retry_after_seconds(headers.get("retry-after", ""), now)
    return Result(Outcome.FAILED, status_code, f"the receiver answered {status_code}", wait_seconds)


def retry_after_seconds(value: str, now: datetime) -> float | None:
    """Read Retry-After, seconds or a date; None if it is neither, or past.

    Source: RFC 9110, section 10.2.3.
    """
    text = value.strip()
    if re.fullmatch(r"[0-9]+", text):
        return float(text)
    try:
        wait_seconds = (parsedate_to_datetime(text).replace(tzinfo=UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return wait_seconds if wait_seconds > 0 else None


def describe(error: Exception) -> str:
    """Say what went wrong in one line that any database takes: parts of it may come from the receiver."""
    line = ascii(f"{type(error).__name__}: {error}".rstrip(": "))[1:-1]
    return line[:LONGEST_ERROR]
