"""How an event reaches its destination: the bytes as they came, under the same id, signed anew."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from service_kit.egress import RefusedDestinationError
from service_kit.outgoing import Answer, Poster, describe
from webhooks.domain import Claim, Outcome, Result, Scheme
from webhooks.keys import key_of
from webhooks.signatures import signed_headers

USER_AGENT: Final = "webhooks/1"


class Forwarder:
    """Posts events."""

    def __init__(self, poster: Poster) -> None:
        self._poster = poster

    async def forward(self, claim: Claim) -> Result:
        """Make one attempt, within the time for one; what goes wrong is in the result, not raised."""
        headers = headers_of(claim, datetime.now(UTC))
        try:
            return result_of(await self._poster.post(claim.destination, headers, claim.body))
        except TimeoutError:
            return Result(Outcome.FAILED, error=f"no answer within {self._poster.timeout_seconds:g} s")
        except RefusedDestinationError as error:
            return Result(Outcome.FAILED, error=f"refused: {error}")
        except (OSError, EOFError, ValueError) as error:
            return Result(Outcome.FAILED, error=describe(error))


def headers_of(claim: Claim, now: datetime) -> dict[str, str]:
    _, key = key_of(Scheme.STANDARD, claim.signing_secret)
    headers = signed_headers(key, claim.message_id, now, claim.body) | {
        "webhook-attempt": str(claim.attempt_count),
        "User-Agent": USER_AGENT,
    }
    if claim.content_type is not None:
        headers["Content-Type"] = claim.content_type
    return headers


def result_of(answer: Answer) -> Result:
    """Turn an answer into a result: 2xx is success, 410 is final, all else is tried again."""
    status_code = answer.status
    if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
        return Result(Outcome.FORWARDED, status_code)
    if status_code == HTTPStatus.GONE:
        return Result(Outcome.GONE, status_code, "the destination answered 410 Gone")
    error = f"the destination answered {status_code}"
    return Result(Outcome.FAILED, status_code, error, answer.retry_after_seconds)
