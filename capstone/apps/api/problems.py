"""Which error becomes which status."""

import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import auth
from auth.litestar import status_of
from core import errors
from core.audit.watch import TooManyReadsError
from core.files.domain import (
    InvalidLinkError,
    NoLengthError,
    OtherContentError,
    QuotaExceededError,
    WrongLengthError,
)
from core.idempotency.domain import InProgressError, OtherRequestError
from core.inbox.domain import BadSignatureError, MalformedWebhookError, NotConfiguredError
from core.inbox.service import TooManySourcesError
from core.jobs.service import NotInStateError
from core.webhooks.service import TooManyEndpointsError
from service_kit.problems import ErrorRule, FieldError, on

COME_AGAIN: Final = {"Retry-After": "1"}


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(errors.NotFoundError, 404, "not_found"),
        on(errors.ForbiddenError, 403, "forbidden"),
        on(errors.EmailTakenError, 409, "email_taken"),
        on(errors.WrongCredentialsError, 401, "wrong_credentials"),
        on(errors.WrongPasswordError, 403, "wrong_password"),
        on(
            errors.LockedError,
            429,
            "too_many_attempts",
            headers=lambda error: _after(error.wait_seconds),
        ),
        on(OtherRequestError, 422, "idempotency_key_reused"),
        on(InProgressError, 409, "in_progress", headers=lambda _: COME_AGAIN),
        on(errors.LastOwnerError, 409, "last_owner"),
        on(errors.FlagOffError, 403, "feature_off"),
        on(errors.VersionError, 412, "version_changed"),
        on(NotInStateError, 409, "not_in_state"),
        on(TooManyEndpointsError, 409, "too_many_endpoints"),
        on(TooManySourcesError, 409, "too_many_sources"),
        on(InvalidLinkError, 403, "invalid_link"),
        on(NoLengthError, 411, "length_required"),
        on(WrongLengthError, 400, "wrong_length"),
        on(OtherContentError, 409, "other_content"),
        on(QuotaExceededError, 409, "quota_exceeded"),
        on(NotConfiguredError, 503, "not_configured", headers=lambda _: COME_AGAIN),
        on(MalformedWebhookError, 400, "malformed_webhook"),
        on(BadSignatureError, 401, "bad_signature", headers=lambda _: {"WWW-Authenticate": "Webhook"}),
        on(
            TooManyReadsError,
            429,
            "too_many_reads",
            detail=lambda _: "This is more than a person reads. Ask for an export to have all of it.",
            headers=lambda error: _after(error.retry_after_seconds),
        ),
        on(
            errors.TooManyRequestsError,
            429,
            "rate_limited",
            headers=lambda error: _after(error.retry_after_seconds),
        ),
        on(
            errors.InvalidValueError,
            422,
            "invalid_input",
            title="Invalid input",
            errors=lambda error: [FieldError(error.code, str(error), pointer=f"#/{error.field}")],
        ),
        on(
            errors.StoreUnavailableError,
            503,
            "store_unavailable",
            detail=lambda _: "The store does not answer. Send the request again.",
            headers=lambda _: COME_AGAIN,
        ),
        on(
            auth.PasswordRefusedError,
            422,
            "invalid_input",
            title="Invalid input",
            errors=lambda error: [FieldError(error.reason, str(error), pointer="#/password")],
        ),
        *(
            on(kind, status_of(kind), kind.code, headers=_come_again(status_of(kind)))
            for kind in (
                auth.NotSignedInError,
                auth.InvalidTokenError,
                auth.InvalidRefreshTokenError,
                auth.CrossSiteError,
                auth.ForbiddenError,
                auth.InsufficientScopeError,
                auth.HasherBusyError,
                auth.StoreUnavailableError,
            )
        ),
    ]


def _come_again(status: int) -> Callable[[Exception], Mapping[str, str]]:
    return lambda _: COME_AGAIN if status >= HTTPStatus.INTERNAL_SERVER_ERROR else {}


def _after(seconds: float) -> Mapping[str, str]:
    return {"Retry-After": str(max(1, math.ceil(seconds)))}
