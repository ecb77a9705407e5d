"""What pg_restore makes of a stored dump: a database, or the values of its sequences."""

import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import zstandard

from backup.database import Server
from backup.domain import SequenceValue
from backup.dumping import Count
from backup.encryption import Encryption
from backup.errors import ChecksumError, ConnectionFailedError, RestoreFailedError, RunFailedError
from backup.programs import Programs, Running, running

BLOCK_BYTES: Final = 1 << 20
SEQUENCE_SET: Final = re.compile(r"^\d+; .* SEQUENCE SET ", re.MULTILINE)
SETVAL: Final = re.compile(r"setval\('((?:[^']|'')*)', (-?\d+), (true|false)\)")
# What the server says last, or libpq in its place: of the dump that says nothing.
LOST: Final = re.compile(r"terminating connection|server closed the connection|connection to server")


@dataclass(frozen=True)
class Archives:
    """Dumps in pg_dump's own format, below zstd."""

    programs: Programs
    encryption: Encryption

    def restore(
        self, dump: Path, server: Server, database: str, count: Count, options: Sequence[str] = ()
    ) -> None:
        """Restore into an empty database, or what options say; the first statement that fails ends it.

        Raises: RestoreFailedError, ConnectionFailedError.
        """
        target, environment = server.program_target(database)
        program_path = self.programs.path("pg_restore")
        argv = [program_path, "--exit-on-error", "--no-password", f"--dbname={target}", *options]
        with (
            running(argv, environment, stdin=subprocess.PIPE) as program,
            server.heartbeat.beside(program.process.kill),
        ):
            feed(program, self.blocks(dump), count)
            if program.process.wait() != 0:
                raise _failure(program)

    @contextmanager
    def head(self) -> Iterator["Head"]:
        """Have pg_restore list a dump while that is made: who has no key to it cannot do so later."""
        argv = [self.programs.path("pg_restore"), "--list"]
        with (
            NamedTemporaryFile() as output,
            running(argv, {}, stdin=subprocess.PIPE, stdout=output.fileno()) as program,
        ):
            yield Head(program, Path(output.name))

    def sequences(self, head: "Head") -> list[SequenceValue]:
        """Read which values the dump gives to the sequences.

        pg_dump reads them when it comes to them, behind the snapshot: only the dump says what they are.
        A dump that pg_restore cannot list is none, though pg_dump has ended with 0.

        Raises: RestoreFailedError.
        """
        listed = head.listed()
        chosen = [line for line in listed.splitlines() if SEQUENCE_SET.match(line)]
        if not chosen:
            return []
        with NamedTemporaryFile("w", suffix=".list") as file:
            file.write("\n".join(chosen) + "\n")
            file.flush()
            script = self._output(head.blocks, "--file=-", f"--use-list={file.name}")
        return [
            SequenceValue(name.replace("''", "'"), int(value), is_called == "true")
            for name, value, is_called in SETVAL.findall(script)
        ]

    def blocks(self, dump: Path) -> Iterator[bytes]:
        """Decrypt and decompress a file.

        Raises: WrongKeyError, and ChecksumError, which what was compared with its manifest cannot cause.
        """
        with (
            self.encryption.opened(dump) as file,
            zstandard.ZstdDecompressor().stream_reader(file) as reader,
        ):
            try:
                while block := reader.read(BLOCK_BYTES):
                    yield block
            except zstandard.ZstdError as error:
                raise ChecksumError(f"{dump.name} cannot be decompressed.") from error

    def _output(self, blocks: Iterable[bytes], *options: str) -> str:
        argv = [self.programs.path("pg_restore"), *options]
        with (
            NamedTemporaryFile() as output,
            running(argv, {}, stdin=subprocess.PIPE, stdout=output.fileno()) as program,
        ):
            feed(program, blocks, lambda _: None)
            if program.process.wait() != 0:
                raise _failure(program)
            return Path(output.name).read_text()


class Head:
    """The beginning of a dump, as far as pg_restore reads to list it: the values of sequences stand there."""

    def __init__(self, program: Running, output: Path) -> None:
        self.blocks: list[bytes] = []
        self._program = program
        self._output = output
        self._is_enough = False

    def write(self, data: bytes) -> None:
        """Take in more, until it is enough."""
        if self._is_enough:
            return
        self.blocks.append(data)
        try:
            self._program.stdin.write(data)
        except BrokenPipeError:
            self._is_enough = True  # its exit code says whether it was

    def listed(self) -> str:
        """Return what is in the dump, a line each.

        Raises: RestoreFailedError.
        """
        with suppress(BrokenPipeError):
            self._program.stdin.close()
        if self._program.process.wait() != 0:
            raise _failure(self._program)
        return self._output.read_text()


def feed(program: Running, blocks: Iterable[bytes], count: Count) -> None:
    """Write a dump into a program that may have enough before the end, or die."""
    done_bytes = 0
    try:
        for block in blocks:
            program.stdin.write(block)
            done_bytes += len(block)
            count(done_bytes)
        program.stdin.close()
    except BrokenPipeError:
        pass  # its exit code says why


def differing(wanted: Sequence[SequenceValue], got: Sequence[SequenceValue]) -> list[str]:
    """Name the sequences that are not the same."""
    return sorted({sequence.name for sequence in set(wanted) ^ set(got)})


def _failure(program: Running) -> RunFailedError:
    words = program.last_words() or "it says nothing"
    failed = ConnectionFailedError if LOST.search(words) else RestoreFailedError
    return failed(f"pg_restore has ended with {program.process.returncode}: {words}")
