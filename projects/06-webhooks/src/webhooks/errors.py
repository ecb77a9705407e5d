"""What can go wrong in this service, in its own terms; app.py gives each a status."""


class WebhooksError(Exception):
    """Base of every error that this service raises on purpose."""


class RejectedError(WebhooksError):
    """A delivery is not accepted. `reason` is a word for programs."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class MalformedHeadersError(RejectedError):
    """The headers that a scheme reads are missing, repeated, contradict each other, or are no such thing."""


class BadSignatureError(RejectedError):
    """No signature is by a secret of the source, or the right one is too old or too young."""


class SourceNotFoundError(WebhooksError):
    """There is no source of this name."""


class SourceRetiredError(WebhooksError):
    """The source takes no more deliveries, ever."""


class SourceExistsError(WebhooksError):
    """The name of a source is taken."""


class SecretNotFoundError(WebhooksError):
    """The source has no secret of this id."""


class EventNotFoundError(WebhooksError):
    """There is no event of this id."""


class EventInProgressError(WebhooksError):
    """The event is pending or being forwarded, so there is nothing to replay."""


class PayloadGoneError(WebhooksError):
    """The event is known, and its payload was kept no longer."""


class UnknownCursorError(WebhooksError):
    """A cursor leads to no place in the list."""


class IdempotencyKeyReusedError(WebhooksError):
    """The key was used before, for something else."""


class LimitedError(WebhooksError):
    """The source has had its deliveries for this minute."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("The source has sent more than its limit in this minute.")
        self.retry_after_seconds = retry_after_seconds


class InvalidFieldError(WebhooksError):
    """A field is well-formed but not acceptable; `field` names it."""

    def __init__(self, field: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.code = code
        self.reason = reason


class StoreUnavailableError(WebhooksError):
    """PostgreSQL did not answer, or not in time. Whether a commit under way took effect is not known."""
