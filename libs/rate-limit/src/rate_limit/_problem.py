"""What a client gets in place of the application's answer: problem details (RFC 9457)."""

import json
from collections.abc import Callable
from typing import NamedTuple

from rate_limit._decision import Decision
from rate_limit._header_fields import retry_after, violated_policies
from rate_limit._policy import PolicySet
from rate_limit._request import RequestView

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


class Response(NamedTuple):
    """An answer that the application is not asked for."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Refusal(NamedTuple):
    """Why a request does not pass; without a decision nobody could tell whether it may."""

    request: RequestView
    policies: PolicySet
    decision: Decision | None


type Refuse = Callable[[Refusal], Response]


def problem(refusal: Refusal) -> Response:
    """Answer 429 with the violated policies, or 503 where nobody could decide."""
    decision = refusal.decision
    if decision is None:
        members: dict[str, object] = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
        return _response(503, members, retry_after_seconds=1)
    members = {
        "type": QUOTA_EXCEEDED,
        "title": "Quota exceeded",
        "status": 429,
        "violated-policies": violated_policies(refusal.policies, decision),
    }
    return _response(429, members, retry_after(decision))


def _response(status: int, members: dict[str, object], retry_after_seconds: int | None) -> Response:
    body = json.dumps(members).encode()
    headers = [("content-type", "application/problem+json"), ("content-length", str(len(body)))]
    if retry_after_seconds is not None:
        headers.append(("retry-after", str(retry_after_seconds)))
    return Response(status, headers, body)
