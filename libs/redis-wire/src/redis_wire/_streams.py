"""Conversations of an event loop with Redis: what arrives in one tick goes out in one write.

A protocol of asyncio and hiredis's parser. Commands of a tick share a system call each way, a packet, and
one time-out; replies come in the order of the commands.
"""

import asyncio
from asyncio import AbstractEventLoop, Future, Task
from collections import deque
from weakref import WeakKeyDictionary

from hiredis import ProtocolError, Reader

from redis_wire._address import Address
from redis_wire._commands import WithText, checked, lacks_script
from redis_wire._errors import RedisUnavailableError


class Stream(asyncio.Protocol):
    """One connection, which all tasks of an event loop share."""

    def __init__(self, loop: AbstractEventLoop, timeout_seconds: float) -> None:
        self._loop = loop
        self._timeout_seconds = timeout_seconds
        self._reader = Reader()
        self._outgoing: list[bytes] = []
        self._waiting: deque[Future[object]] = deque()
        self._sent = self._answered = 0
        self._batches: deque[tuple[int, float]] = deque()  # (sent in all, deadline), oldest first
        self._watching = False
        self._transport: asyncio.WriteTransport | None = None
        self.broken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def ask(self, packed_command: bytes) -> Future[object]:
        """Send one command at the end of this tick; the reply may be a ReplyError.

        Raises: RedisUnavailableError, by the future.
        """
        future: Future[object] = self._loop.create_future()
        if self.broken:
            future.set_exception(RedisUnavailableError("the connection to Redis is lost"))
            return future
        self._waiting.append(future)
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(packed_command)
        return future

    def data_received(self, data: bytes) -> None:
        reader, waiting = self._reader, self._waiting
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not False:
                self._answered += 1
                future = waiting.popleft()
                if not future.done():  # its task may have been cancelled
                    future.set_result(reply)
        except (ProtocolError, IndexError) as exc:
            self._break(f"Redis speaks nonsense: {exc}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(f"{type(exc).__name__}: {exc}" if exc else "Redis closed the connection")

    def close(self) -> None:
        self._break("it was closed")

    def _flush(self) -> None:
        if self.broken or self._transport is None:
            return
        self._sent += len(self._outgoing)
        self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()
        deadline = self._loop.time() + self._timeout_seconds
        self._batches.append((self._sent, deadline))
        if not self._watching:
            self._watching = True
            self._loop.call_at(deadline, self._watch)

    def _watch(self) -> None:
        """Break the connection if its oldest batch is overdue; all wait as long, so one timer does."""
        while self._batches and self._batches[0][0] <= self._answered:
            self._batches.popleft()
        if not self._batches or self.broken:
            self._watching = False
        elif (deadline := self._batches[0][1]) > self._loop.time():
            self._loop.call_at(deadline, self._watch)
        else:
            self._break(f"TimeoutError: no reply within {self._timeout_seconds} s")

    def _break(self, reason: str) -> None:
        if self.broken:
            return
        self.broken = True
        if self._transport is not None:
            self._transport.abort()
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(RedisUnavailableError(reason))


class Streams:
    """One stream for each event loop."""

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._streams: WeakKeyDictionary[AbstractEventLoop, Stream] = WeakKeyDictionary()
        self._connecting: WeakKeyDictionary[AbstractEventLoop, Task[Stream]] = WeakKeyDictionary()

    async def run_script(self, by_hash: bytes, with_text: WithText) -> object:
        """Send a script's call, once more with its text where Redis does not have it.

        Raises: RedisUnavailableError.
        """
        reply = await self.ask(by_hash)
        return await self.ask(with_text()) if lacks_script(reply) else reply

    async def aclose(self) -> None:
        """Close the connection of the running loop."""
        stream = self._streams.pop(asyncio.get_running_loop(), None)
        if stream is not None:
            stream.close()
            await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn

    def ask(self, packed_command: bytes) -> Future[object]:
        """Send one command; the reply may be a ReplyError.

        Raises: RedisUnavailableError, by the future, about `timeout_seconds` later at the latest.
        """
        loop = asyncio.get_running_loop()
        stream = self._streams.get(loop)
        if stream is not None and not stream.broken:
            return stream.ask(packed_command)
        return loop.create_task(self._connect_and_ask(loop, packed_command))

    async def _connect_and_ask(self, loop: AbstractEventLoop, packed_command: bytes) -> object:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                stream = await self._stream(loop)
                return await stream.ask(packed_command)
        except (OSError, ValueError) as exc:  # a TimeoutError too; ValueError: no host's name
            raise RedisUnavailableError(f"{type(exc).__name__}: {exc}") from exc

    async def _stream(self, loop: AbstractEventLoop) -> Stream:
        """Give the loop's stream; whoever comes while it is being opened waits for the same one."""
        stream = self._streams.get(loop)
        if stream is not None and not stream.broken:
            return stream
        task = self._connecting.get(loop)
        if task is None or task.done():
            task = self._connecting[loop] = loop.create_task(self._open(loop))
            task.add_done_callback(_retrieve)  # even if nobody waits for it any more
        return await asyncio.shield(task)

    async def _open(self, loop: AbstractEventLoop) -> Stream:
        address = self._address

        def new_stream() -> Stream:
            return Stream(loop, self._timeout_seconds)

        async with asyncio.timeout(self._timeout_seconds):
            if address.path:
                _, stream = await loop.create_unix_connection(new_stream, address.path)
            else:
                _, stream = await loop.create_connection(
                    new_stream, address.host, address.port, ssl=address.tls
                )
            try:
                for greeting in address.greetings:
                    checked(await stream.ask(greeting))
            except BaseException:
                stream.close()
                raise
        self._streams[loop] = stream
        return stream


def _retrieve(task: Task[Stream]) -> None:
    if not task.cancelled():
        task.exception()
