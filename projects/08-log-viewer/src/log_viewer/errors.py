"""What can go wrong in this service, in its own terms; app.py gives each a status."""


class LogViewerError(Exception):
    """Base of every error that this service raises on purpose."""


class UnknownStreamError(LogViewerError):
    """No stream has this id."""


class InvalidQueryError(LogViewerError):
    """A parameter of the query cannot be read."""

    def __init__(self, parameter: str, code: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.code = code


class TooManyTailsError(LogViewerError):
    """As many follow as may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} follow already, and no more may.")


class TooManyBucketsError(LogViewerError):
    """The entries lie too far apart for buckets of this width."""

    def __init__(self, most: int) -> None:
        super().__init__(f"That would be more than {most} buckets: take wider ones, or a range of time.")


class TooDisorderedError(LogViewerError):
    """So much is out of order that no entry of a merge can be told within the budget."""

    def __init__(self) -> None:
        super().__init__("Too much of these streams is out of order to be merged in the time that there is.")


class GoneError(LogViewerError):
    """The bytes behind a cursor are in no file of the stream any more."""
