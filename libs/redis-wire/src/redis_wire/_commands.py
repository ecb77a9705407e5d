"""Commands as Redis reads them, and what its replies mean.

A client packs a command anew each time; whoever asks here may keep packed what never changes.
"""

import hashlib
from collections.abc import Callable, Sequence

from hiredis import ReplyError

from redis_wire._errors import RedisUnavailableError

NO_SCRIPT = "NOSCRIPT"

type WithText = Callable[[], bytes]
"""Packs a script's call together with its text: seldom needed, so not packed beforehand."""


def packed(*words: bytes) -> bytes:
    """Pack words, without the head that tells how many they are."""
    return b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


def command(*words: bytes) -> bytes:
    """Pack a whole command."""
    return b"*%d\r\n" % len(words) + packed(*words)


class Script:
    """A script that is called by its hash, or with its text, which Redis keeps for the next call."""

    def __init__(self, text: str) -> None:
        self.text = text.encode()
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode()

    def by_hash(self, keys: Sequence[bytes], arguments: Sequence[bytes]) -> bytes:
        return command(b"EVALSHA", self.sha, b"%d" % len(keys), *keys, *arguments)

    def with_text(self, keys: Sequence[bytes], arguments: Sequence[bytes]) -> bytes:
        return command(b"EVAL", self.text, b"%d" % len(keys), *keys, *arguments)


def lacks_script(reply: object) -> bool:
    """Tell whether Redis was restarted or flushed since it got the script."""
    return isinstance(reply, ReplyError) and str(reply).startswith(NO_SCRIPT)


def checked(reply: object) -> object:
    """Return the reply.

    Raises: RedisUnavailableError if it is an error.
    """
    if isinstance(reply, ReplyError):
        raise RedisUnavailableError(f"Redis answered {reply}")
    return reply
