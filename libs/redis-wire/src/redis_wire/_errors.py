"""What can go wrong between here and a Redis."""


class RedisUnavailableError(Exception):
    """Redis did not answer in time, or not with what was asked for; the message says why."""


class RedisUrlError(ValueError):
    """The URL of a Redis cannot be used; the message says why, and never holds the password."""
