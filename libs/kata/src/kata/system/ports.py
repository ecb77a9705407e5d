"""TCP ports of this machine."""

import secrets
import socket

HOST = "127.0.0.1"
# Below what Linux and macOS hand out by themselves: there an outgoing connection may take the port before, or
# between two lives of, the process that is to listen on it. Above what well-known servers use.
_FIRST, _COUNT = 15_000, 5_000


def free_port(host: str = HOST) -> int:
    """Return a TCP port that was free a moment ago, another at nearly each call.

    Raises: OSError if so many tries found none, or the host is not of this machine.
    """
    for _ in range(_COUNT):
        port = _FIRST + secrets.randbelow(_COUNT)
        if is_free(host, port):
            return port
    raise OSError(f"no port from {_FIRST} to {_FIRST + _COUNT - 1} is free on {host}")


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
