"""The verifier as this service knows it: a program, which it starts, reads line by line, and ends.

It is never imported, so that it may be in any language, and a crash of it is no crash of ours. It runs under
keeper.py, without a setting or a secret of this service in its environment.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from levels.domain import Stage
from levels.errors import VerifierUnavailableError

KEEPER: Final = Path(__file__).with_name("keeper.py")
CHUNK_BYTES: Final = 64 * 1024
LONGEST_LINE_BYTES: Final = 512 * 1024
"""A report is in one line. What is longer is cut, and so is no event."""
MOST_BATCHES: Final = 16


@dataclass(frozen=True, slots=True)
class Line:
    """A line that the verifier has written, without its end."""

    text: bytes
    is_error: bool


class Running:
    """A verifier at work."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._stdin = process.stdin
        self._streams = (process.stdout, process.stderr)
        self._batches: asyncio.Queue[list[Line] | None] = asyncio.Queue(maxsize=MOST_BATCHES)
        self._readers = [asyncio.ensure_future(self._read(stream)) for stream in self._streams]

    async def lines(self) -> AsyncIterator[Line]:
        """Return what it writes to stdout and stderr, until both are closed."""
        open_streams = len(self._streams)
        while open_streams:
            batch = await self._batches.get()
            if batch is None:
                open_streams -= 1
            for line in batch or ():
                yield line

    async def _read(self, stream: asyncio.StreamReader) -> None:
        is_error = stream is self._streams[1]
        async for texts in lines_of(stream):
            await self._batches.put([Line(text, is_error) for text in texts])
        await self._batches.put(None)

    def extend(self, seconds: float) -> None:
        """Let it live for so long from now on."""
        with suppress(ConnectionError):
            self._stdin.write(b"%.3f\n" % seconds)

    async def exit_code(self) -> int:
        """Return its exit code, when nothing of it is left; 128 and more: a signal has ended it."""
        return await self._process.wait()

    async def end(self) -> None:
        """End it, and return when nothing of it is left."""
        self._stdin.close()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        # Until all is read, asyncio does not tell that it has ended.
        await asyncio.gather(*map(drained, self._streams))
        await self._process.wait()


class Verifier:
    """A command line, to which arguments are added."""

    def __init__(self, command: Sequence[str], private: Collection[str]) -> None:
        """Take the command, and the names of variables that it must not see."""
        self._command = tuple(command)
        self._private = frozenset(private)

    async def listing(self, timeout_seconds: float, limit_bytes: int) -> bytes:
        """Ask for the catalogue. Raises: VerifierUnavailableError."""
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._started(["list", "--json"], timeout_seconds) as it,
            ):
                lines = [line.text async for line in it.lines() if not line.is_error]
                code = await it.exit_code()
        except (OSError, TimeoutError) as error:
            raise VerifierUnavailableError(f"VERIFIER list --json: {type(error).__name__}") from error
        text = b"\n".join(lines)
        if code or len(text) > limit_bytes:
            raise VerifierUnavailableError(f"VERIFIER list --json: exit code {code}, {len(text)} bytes")
        return text

    @asynccontextmanager
    async def verify(
        self, stage: Stage, target: str, seed: str, only: Collection[str], lease_seconds: float
    ) -> AsyncIterator[Running]:
        """Have one level judged, or only these checks of it; at the end nothing of it is left."""
        place = "--dir" if target.startswith("/") else "--url"
        arguments = ["verify", stage.project, place, target, "--seed", seed, "--events"]
        arguments += ["--only", ",".join(sorted(only))] if only else ["--step", str(stage.step)]
        async with self._started(arguments, lease_seconds) as running:
            yield running

    @asynccontextmanager
    async def _started(self, arguments: Sequence[str], seconds: float) -> AsyncIterator[Running]:
        process = await asyncio.create_subprocess_exec(
            # Isolated and without site-packages: it starts in a third of the time.
            *(sys.executable, "-I", "-S", str(KEEPER), f"{seconds:.3f}", *self._command, *arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=without(os.environ, self._private),
            start_new_session=True,  # a signal to our group, such as Ctrl-C, is ours to answer
        )
        running = Running(process)
        try:
            yield running
        finally:
            await done_whatever_comes(running.end())


async def done_whatever_comes(work: Coroutine[None, None, None]) -> None:
    """Wait until it is done, however often whoever waits is cancelled meanwhile.

    Raises: CancelledError, afterwards.
    """
    doing = asyncio.ensure_future(work)
    cancelled = None
    while not doing.done():
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def without(environment: Mapping[str, str], private: Collection[str]) -> dict[str, str]:
    """Leave out the variables with these names, and what libpq would read."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() not in private and not name.startswith("PG")
    }


async def drained(stream: asyncio.StreamReader) -> None:
    while await stream.read(CHUNK_BYTES):
        pass


async def lines_of(stream: asyncio.StreamReader) -> AsyncIterator[list[bytes]]:
    """Split into lines; of one that is too long the beginning. The memory that it takes is bounded."""
    rest = b""
    while chunk := await stream.read(CHUNK_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        rest = rest[:LONGEST_LINE_BYTES]
        if whole:
            yield whole
    if rest:
        yield [rest]
