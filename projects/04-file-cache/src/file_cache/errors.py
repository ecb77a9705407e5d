"""What can go wrong in this service, in its own terms; app.py gives each a status."""


class FileCacheError(Exception):
    """Base of every error that this service raises on purpose."""


class InvalidKeyError(FileCacheError):
    """There is no key."""


class KeyTooLongError(FileCacheError):
    """The key is longer than a key may be."""


class NotCachedError(FileCacheError):
    """There is nothing fresh under this key."""

    def __init__(self, reason: str) -> None:
        super().__init__("There is no such entry, or it has expired.")
        self.reason = reason


class LeaseGrantedError(NotCachedError):
    """There is nothing fresh under this key, and whoever asks is to fill it."""

    def __init__(self, reason: str, token: str, ttl_seconds: int) -> None:
        super().__init__(reason)
        self.token = token
        self.ttl_seconds = ttl_seconds


class FillAwaitedError(NotCachedError):
    """There is nothing fresh under this key yet: somebody else fills it."""


class LeaseLostError(FileCacheError):
    """The lease under which a value was made is not held any more."""

    def __init__(self) -> None:
        super().__init__("This lease has ended.")


class UnauthenticatedError(FileCacheError):
    """Who asks shows no token that is known."""

    def __init__(self) -> None:
        super().__init__("It takes a token, as a bearer's or as a password.")


class ForbiddenError(FileCacheError):
    """The token is known, and is not for this."""

    def __init__(self) -> None:
        super().__init__("This token is not for that.")


class PreconditionFailedError(FileCacheError):
    """The entry is not, or is, the one that the request has named."""

    def __init__(self) -> None:
        super().__init__("The entry is not as the condition says.")


class NoRoomError(FileCacheError):
    """What is on its way leaves no room, and nothing is left to evict."""

    def __init__(self) -> None:
        super().__init__("There is no room for it.")


class InvalidFieldError(FileCacheError):
    """A header field cannot be read, or says what cannot be."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class InvalidGroupError(FileCacheError):
    """No group can have this name."""

    def __init__(self) -> None:
        super().__init__("A group has 1 to 128 characters of printable ASCII.")


class UnsatisfiableRangeError(FileCacheError):
    """There is no such part of the entry."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The entry has {size_bytes} bytes.")
        self.size_bytes = size_bytes


class DigestMismatchError(FileCacheError):
    """The bytes that have come are not those that were announced."""

    def __init__(self) -> None:
        super().__init__("The body does not have the digest that was announced.")


class DamagedError(FileCacheError):
    """A file does not hold what was written into it."""
