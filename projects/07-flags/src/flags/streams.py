"""Server-sent events: a client is told that it should ask again, and never what the answer is.

A browser's EventSource sends no headers, so the address of a stream carries a token. It is made of the hash
of the key, which every process has, lives briefly, and is of no use for anything else.
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from flags.errors import UnauthorizedError, UnavailableError
from flags.keys import ApiKey
from flags.node import Node, State
from flags.spreading import Spreading
from service_kit.json_text import Json, render

PATH: Final = "/ofrep/v1/stream"
TOKEN: Final = re.compile(r"([0-9a-f-]{36})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})")
INACTIVITY_SECONDS: Final = 120
RETRY_MILLISECONDS: Final = 1000


class StreamTokens:
    """Makes and reads tokens. One is good for between one and two of its periods."""

    def __init__(self, period_seconds: float) -> None:
        self._period_seconds = period_seconds

    def period(self, now: float) -> int:
        """Number the periods: with each, the announcement is another, and so is the ETag of a bulk."""
        return int(now // self._period_seconds)

    def announcement(self, key: ApiKey, tag: str, now: float) -> dict[str, Json]:
        """Say where the stream is, as a path: that is right behind proxies, too."""
        expires_at = int((self.period(now) + 2) * self._period_seconds) + 1
        token = f"{key.id}.{expires_at}.{signature(key, expires_at)}"
        uri = f"{PATH}?token={token}&since={tag}"
        return {"type": "sse", "endpoint": {"requestUri": uri}, "inactivityDelaySec": INACTIVITY_SECONDS}

    def key_id(self, token: str, now: float) -> tuple[str, int, str]:
        """Take a token apart. Raises: UnauthorizedError, for one that is none or too old."""
        found = TOKEN.fullmatch(token)
        if found is None or int(found[2]) <= now:
            raise UnauthorizedError("The token is not valid, or not any more.")
        return found[1], int(found[2]), found[3]


def signature(key: ApiKey, expires_at: int) -> str:
    digest = hmac.digest(bytes.fromhex(key.sha256), f"{key.id}.{expires_at}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Streams:
    """Opens streams, and writes what goes down them."""

    def __init__(
        self,
        node: Node,
        spreading: Spreading,
        tokens: StreamTokens,
        heartbeat_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._node = node
        self._spreading = spreading
        self._tokens = tokens
        self._heartbeat_seconds = heartbeat_seconds
        self._clock = clock

    async def open(self, token: str, since: str | None) -> AsyncIterator[bytes]:
        """Return the stream of a client that knows the configuration `since`.

        Raises: UnauthorizedError, UnavailableError.
        """
        key_id, expires_at, claimed = self._tokens.key_id(token, self._clock())
        if not self._has(key_id):
            answered = await self._spreading.pull()
            if not self._has(key_id) and not answered:
                raise UnavailableError
        if not self._has(key_id):
            raise UnauthorizedError
        ruleset = self._node.ruleset
        if ruleset is None or not hmac.compare_digest(
            signature(ruleset.keys_by_id[key_id], expires_at), claimed
        ):
            raise UnauthorizedError
        return self._written(key_id, since)

    def _has(self, key_id: str) -> bool:
        return self._node.ruleset is not None and key_id in self._node.ruleset.keys_by_id

    async def _written(self, key_id: str, since: str | None) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MILLISECONDS}\n: open\n\n".encode()
        told = since if since is not None else tag_of(self._node.state)
        while self._has(key_id) and not self._node.is_stopping:
            state = self._node.state
            if tag_of(state) != told:
                told = tag_of(state)
                yield self._event(told)
                continue
            await self._node.wait_for_another(state, self._heartbeat_seconds)
            if self._node.state == state:
                yield b": alive\n\n"

    def _event(self, tag: str) -> bytes:
        made_at = int(self._node.ruleset.snapshot.made_at) if self._node.ruleset is not None else 0
        data = render({"type": "refetchEvaluation", "etag": tag, "lastModified": made_at})
        return f"id: {tag}\nevent: message\ndata: ".encode() + data + b"\n\n"


def tag_of(state: State) -> str:
    """Write a configuration as `flagConfigEtag` has it."""
    return ".".join(map(str, state))
