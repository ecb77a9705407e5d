"""Solutions that run elsewhere: whose they are, and the one address at which they are asked.

A host is looked up once. What comes back is checked, and the number is what is asked for a proof, is kept,
and is what the verifier is given: a name that leads somewhere else a moment later gains nothing. The proof is
the learner's id at a path that only whoever runs the solution can answer on. No redirect is followed.
"""

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import UUID

from levels.errors import InvalidRunError
from service_kit.egress import Address, EgressGuard, RefusedDestinationError

if TYPE_CHECKING:
    import httpx

PROOF_PATH: Final = "/.well-known/levels-learner"
PROOF_SECONDS: Final = 2.0
"""For all of it: a request that asks for a run is answered within three."""
MOST_BYTES: Final = 4096
LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]{1,9}) *\r\n", re.IGNORECASE)


class Elsewhere:
    """Finds what a learner names by a URL."""

    def __init__(self, guard: EgressGuard) -> None:
        self._guard = guard

    async def find(self, named: str, learner_id: UUID) -> str:
        """Return the URL of a solution that says that it is the learner's, with the address as a number.

        Raises: InvalidRunError.
        """
        try:
            async with asyncio.timeout(PROOF_SECONDS):
                url = self._guard.check(named)
                demand_origin(url)
                origin, said = await self._ask(url)
        except RefusedDestinationError as error:
            raise InvalidRunError("url", error.code, str(error)) from None
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            raise InvalidRunError("url", "no_answer", f"does not answer GET {PROOF_PATH}") from None
        if said != str(learner_id).encode():
            raise InvalidRunError("url", "not_proven", f"does not say at {PROOF_PATH} whose it is")
        return origin

    async def _ask(self, url: "httpx.URL") -> tuple[str, bytes | None]:
        port = url.port or 80
        *others, last = await self._guard.resolve(url)
        for address in others:
            with suppress(OSError):
                return await self._ask_at(address, port)
        return await self._ask_at(last, port)

    async def _ask_at(self, address: Address, port: int) -> tuple[str, bytes | None]:
        host = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"  # noqa: PLR2004 - IPv6
        reader, writer = await asyncio.open_connection(str(address), port, limit=MOST_BYTES)
        try:
            # By HTTP/1.0, so that no answer comes in chunks.
            writer.write(f"GET {PROOF_PATH} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            return f"http://{host}", await body_of(reader)
        finally:
            writer.transport.abort()  # what comes behind it may have no end


def demand_origin(url: "httpx.URL") -> None:
    """Refuse what is more than `http://host:port`. Raises: RefusedDestinationError."""
    if url.scheme != "http":
        raise RefusedDestinationError("unsupported_scheme", "must begin with http://")
    if url.raw_path != b"/" or url.fragment:
        raise RefusedDestinationError("not_an_origin", "has more than a host and a port")


async def body_of(reader: asyncio.StreamReader) -> bytes | None:
    """Read an answer's body; None: it is not 200, or longer than any proof."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    most = MOST_BYTES if length is None else min(int(length[1]), MOST_BYTES)
    body = b""
    while len(body) < most and (part := await reader.read(most - len(body))):
        body += part
    is_whole = len(body) < MOST_BYTES and re.match(rb"HTTP/1\.[01] 200[ \r]", head) is not None
    return body.strip() if is_whole else None
