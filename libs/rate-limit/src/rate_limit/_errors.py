"""What can go wrong, in the library's own terms."""


class RateLimitError(Exception):
    """Base of every error that this library raises on purpose."""


class PolicyError(RateLimitError, ValueError):
    """A limit, window, cost or name that cannot be; the message says which."""


class StorageUnavailableError(RateLimitError):
    """Nobody could tell whether the key has quota left; the message says why."""
