"""Decisions over connections of our own: one for each thread, or one stream for all tasks of a loop."""

from rate_limit._errors import StorageUnavailableError
from rate_limit._redis_script import Script, scan, scan_page
from redis_wire import Address, RedisUnavailableError, Sockets, Streams, checked, command


class SocketTransport:
    """Decisions of threads."""

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self._sockets = Sockets(address, timeout_seconds)
        self.close = self._sockets.close

    def decide(self, script: Script, key: str, cost: int, *, charge: bool) -> object:
        """Run the script and return its reply.

        Raises: StorageUnavailableError.
        """
        try:
            return self._sockets.run_script(
                script.evalsha(key, cost, charge=charge), lambda: script.eval(key, cost, charge=charge)
            )
        except RedisUnavailableError as exc:
            raise StorageUnavailableError(str(exc)) from exc

    def delete(self, keys: list[bytes]) -> None:
        self._ask(command(b"DEL", *keys))

    def delete_matching(self, pattern: bytes) -> None:
        cursor = b"0"
        while True:
            cursor, keys = scan_page(self._ask(scan(cursor, pattern)))
            if keys:
                self.delete(keys)
            if cursor == b"0":
                return

    def _ask(self, packed_command: bytes) -> object:
        try:
            return checked(self._sockets.ask(packed_command))
        except RedisUnavailableError as exc:
            raise StorageUnavailableError(str(exc)) from exc


class StreamTransport:
    """Decisions of tasks."""

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self._streams = Streams(address, timeout_seconds)
        self.aclose = self._streams.aclose

    async def decide(self, script: Script, key: str, cost: int, *, charge: bool) -> object:
        """Run the script and return its reply.

        Raises: StorageUnavailableError.
        """
        try:
            return await self._streams.run_script(
                script.evalsha(key, cost, charge=charge), lambda: script.eval(key, cost, charge=charge)
            )
        except RedisUnavailableError as exc:
            raise StorageUnavailableError(str(exc)) from exc

    async def delete(self, keys: list[bytes]) -> None:
        await self._ask(command(b"DEL", *keys))

    async def delete_matching(self, pattern: bytes) -> None:
        cursor = b"0"
        while True:
            cursor, keys = scan_page(await self._ask(scan(cursor, pattern)))
            if keys:
                await self.delete(keys)
            if cursor == b"0":
                return

    async def _ask(self, packed_command: bytes) -> object:
        try:
            return checked(await self._streams.ask(packed_command))
        except RedisUnavailableError as exc:
            raise StorageUnavailableError(str(exc)) from exc
