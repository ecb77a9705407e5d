"""pg_dump into a pipe, through zstd and a hash, into a file."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final, Protocol

import zstandard

from backup.database import Server
from backup.errors import DumpFailedError, LockTimeoutError
from backup.programs import Programs, Running, running
from service_kit.daemon_thread import on_daemon_thread

READ_BYTES: Final = 1 << 20
COMPRESSION_THREADS: Final = 2
# pg_dump's own words in English: its environment has no other language.
LOCKED: Final = re.compile(r"due to (?:statement|lock) timeout")


class Sink(Protocol):
    """Takes in what is to be stored."""

    def write(self, data: bytes) -> None:
        """Append."""
        ...


class Count(Protocol):
    """Is told how many bytes have passed."""

    def __call__(self, done_bytes: int) -> None:
        """Go on."""
        ...


@dataclass(frozen=True)
class Dump:
    """How a dump is made: with this program, of this server's databases."""

    programs: Programs
    server: Server
    lock_wait_seconds: float
    compression_level: int

    @contextmanager
    def into(
        self, sink: Sink, database: str, options: Sequence[str], count: Count, head: Sink
    ) -> Iterator[None]:
        """Dump while the block runs, and end it with the dump.

        Raises: DumpFailedError, unless pg_dump has said that all is well: a pipe that ends proves nothing.
        """
        target, environment = self.server.program_target(database)
        argv = [
            self.programs.path("pg_dump"),
            "--format=custom",
            "--compress=0",
            "--no-password",
            f"--lock-wait-timeout={round(self.lock_wait_seconds * 1000)}",
            f"--dbname={target}",
            *options,
        ]
        with (
            running(argv, environment, stdout=subprocess.PIPE) as program,
            self.server.heartbeat.beside(program.process.kill),
        ):
            level = self.compression_level
            pump = on_daemon_thread(lambda: compress(program.stdout, sink, level, count, head), "dump")
            try:
                yield
            except BaseException:
                program.process.kill()
                wait([pump])
                raise
            pump.result()
            if program.process.wait() != 0:
                raise _failure(program)


def compress(source: IO[bytes], sink: Sink, level: int, count: Count, head: Sink) -> None:
    """Copy all of a stream, compressed; `head` gets it as it is."""
    compressor = zstandard.ZstdCompressor(
        level=level, threads=COMPRESSION_THREADS, write_checksum=True
    ).compressobj()
    done_bytes = 0
    while data := source.read(READ_BYTES):
        head.write(data)
        sink.write(compressor.compress(data))
        done_bytes += len(data)
        count(done_bytes)
    sink.write(compressor.flush())


def _failure(program: Running) -> Exception:
    """Say why pg_dump has failed, as far as its last words tell."""
    words = program.last_words()
    if LOCKED.search(words):
        return LockTimeoutError("A table is locked by somebody else.")
    return DumpFailedError(
        f"pg_dump has ended with {program.process.returncode}: {words or 'it says nothing'}"
    )
