"""What can go wrong in this service, in its own terms; app.py gives each a status."""


class WebhooksError(Exception):
    """Base of every error that this service raises on purpose."""


class InvalidNameError(WebhooksError):
    """The name cannot be counted."""

    def __init__(self) -> None:
        super().__init__("A name has 1 to 64 of a-z, 0-9 and -.")


class NotCountedError(WebhooksError):
    """The name was never counted."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Nobody has counted {name}.")


class StoreUnavailableError(WebhooksError):
    """A store does not answer in time."""
