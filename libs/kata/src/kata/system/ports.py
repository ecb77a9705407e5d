"""TCP ports of this machine."""

import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from itertools import cycle
from pathlib import Path

HOST = "127.0.0.1"
# Below what Linux and macOS hand out by themselves: there an outgoing connection may take the port before, or
# between two lives of, the process that is to listen on it. What somebody listens on is passed over. Of both
# lengths: a program that behaves itself on high ports alone has to be seen.
_RANGES = (range(2_000, 6_000), range(15_000, 20_000))
_PER_PROCESS = 50


def free_port(host: str = HOST) -> int:
    """Return a TCP port that was free a moment ago, and that no other verification on this machine will take.

    Raises: OSError if so many tries found none, or the host is not of this machine.
    """
    ports = _ports_of_this_process()
    for _ in range(_PER_PROCESS * len(_RANGES)):
        port = next(ports)
        if is_free(host, port):
            return port
    raise OSError(f"none of the {_PER_PROCESS * len(_RANGES)} ports of this process is free on {host}")


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


@cache
def _ports_of_this_process() -> "cycle[int]":
    """Take a block of ports of each range for as long as this process lives, and give of them in turn.

    Half a second passes between a look at a port and the start of the server that is to listen on it. Of
    several verifications side by side one now and then took the port of another.
    """
    blocks = [_block_of(ports) for ports in random.sample(_RANGES, len(_RANGES))]
    return cycle([port for ports in zip(*blocks, strict=True) for port in ports])


def _block_of(ports: range) -> list[int]:
    """Take a block that no other process has, shuffled."""
    firsts = ports[::_PER_PROCESS]
    for first in random.sample(firsts, len(firsts)):
        if _lock(first):
            return random.sample(range(first, first + _PER_PROCESS), _PER_PROCESS)
    raise OSError(f"{len(firsts)} processes on this machine have taken all ports of verifications")


def _lock(first: int) -> bool:
    """Lock a block of ports until this process ends; False if another has it."""
    folder = Path(tempfile.gettempdir(), f"kata-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    file = os.open(folder / str(first), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return False
    return True


# A forked process must not go through its parent's ports.
os.register_at_fork(after_in_child=_ports_of_this_process.cache_clear)
