"""A few evaluator processes, and a budget for each request: who exceeds it dies of it, and is replaced.

The library holds the interpreter while it evaluates, so no thread and no timer in this process could end it.
Each evaluator has an alarm of the kernel's: see evaluator.py.
A schema that has been stopped once is on probation: all such schemas share one evaluator at a time, so that
they delay each other and nobody else.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import orjson
import structlog

from validation.errors import Answered, EvaluationStoppedError
from validation.frames import LENGTH, encode

_START_SECONDS: Final = 30.0
_MOST_ON_PROBATION: Final = 10_000

log = structlog.get_logger()


class Evaluators:
    """Hands each request to the next process that is free."""

    def __init__(self, arguments: Sequence[str], processes: int, budget_ms: int) -> None:
        self._command = (sys.executable, "-m", "validation.evaluator", *arguments)
        self._count = processes
        self._budget_ms = budget_ms
        self._idle: asyncio.Queue[Process] = asyncio.Queue()
        self._starting: set[asyncio.Task[None]] = set()
        self._probation = asyncio.Semaphore(1)
        self._on_probation: dict[str, None] = {}

    async def start(self) -> None:
        """Return when the first is there; the others come while it is at work."""
        await self._add()
        for _ in range(self._count - 1):
            self._keep(self._add())

    async def close(self) -> None:
        for task in self._starting:
            task.cancel()
        while not self._idle.empty():
            await _end(self._idle.get_nowait())

    async def ask(
        self, operation: str, parts: Sequence[bytes] = (), answers: int = 1, /, **arguments: object
    ) -> list[Answered]:
        """Have it answered, so many times.

        Raises: EvaluationStoppedError, beyond the budget, or when the process died of it.
        """
        version_id = str(arguments.get("id", ""))
        frame = encode({"operation": operation, **arguments}, parts)
        if version_id not in self._on_probation:
            return await self._run(frame, answers, version_id)
        async with self._probation:
            return await self._run(frame, answers, version_id)

    async def _run(self, frame: bytes, answers: int, version_id: str) -> list[Answered]:
        found: list[Answered] = []
        async with self._process() as process:
            try:
                reader = await _send(process, frame)
                while len(found) < answers:
                    found.append(await receive(reader))
            except (OSError, asyncio.IncompleteReadError) as error:
                log.warning("evaluation stopped", version=version_id, reason=type(error).__name__)
                self._put_on_probation(version_id)
                raise EvaluationStoppedError(self._budget_ms, found) from error
        return found

    def _put_on_probation(self, version_id: str) -> None:
        if version_id:
            self._on_probation[version_id] = None
        while len(self._on_probation) > _MOST_ON_PROBATION:
            del self._on_probation[next(iter(self._on_probation))]

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[Process]:
        """Lend a process. One that was left in the middle of something, for whatever reason, is replaced."""
        while (process := await self._idle.get()).returncode is not None:
            self._keep(self._replace(process))  # it has died while it had nothing to do
        try:
            yield process
        except BaseException:
            self._keep(self._replace(process))
            raise
        self._idle.put_nowait(process)

    def _keep(self, starting: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(starting)
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _replace(self, process: Process) -> None:
        await _end(process)
        await self._add()

    async def _add(self) -> None:
        """Start one, and try again for as long as that fails: nobody else would ever do so."""
        while True:
            process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await _ready(process)
            except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
                log.warning("evaluator did not start", reason=type(error).__name__)
                await _end(process)
            else:
                self._idle.put_nowait(process)
                return


async def _ready(process: Process) -> None:
    if process.stdout is not None:
        await receive(process.stdout)


async def _send(process: Process, frame: bytes) -> asyncio.StreamReader:
    """Send it, and return where the answers come."""
    if process.stdin is None or process.stdout is None:
        raise BrokenPipeError
    process.stdin.write(frame)
    await process.stdin.drain()
    return process.stdout


async def receive(reader: asyncio.StreamReader) -> Answered:
    """Read one frame. Raises: asyncio.IncompleteReadError, where the evaluator has ended."""

    async def number() -> int:
        return int.from_bytes(await reader.readexactly(LENGTH))

    header, *parts = [await reader.readexactly(await number()) for _ in range(await number())]
    return orjson.loads(header), parts


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
