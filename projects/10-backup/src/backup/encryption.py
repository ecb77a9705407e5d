"""age around a dump: who has the public key may write one, and only who has the identity may read it.

Source: https://age-encryption.org/v1
"""

import os
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import pyrage  # type: ignore[import-untyped]  # its stubs are not marked as such
from pyrage import x25519

from backup.dumping import Sink
from backup.errors import ChecksumError, WrongKeyError
from service_kit.daemon_thread import on_daemon_thread

SUFFIX: Final = ".age"
IDENTITY: Final = "AGE-SECRET-KEY-"


class Target:
    """A sink as pyrage wants it, which turns what a sink raises into words: so that is kept."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.error: Exception | None = None

    def write(self, data: bytes) -> int:
        try:
            self._sink.write(bytes(data))
        except Exception as error:
            self.error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Do nothing: who has opened the file does that."""


@dataclass(frozen=True)
class Encryption:
    """The public key for what is written, and the file of identities for what is read."""

    recipient: str | None = None
    identity_file: Path | None = None

    def name(self, plain: str) -> str:
        """Name the file of a dump."""
        return plain + SUFFIX if self.recipient else plain

    @contextmanager
    def sealed(self, sink: Sink) -> Iterator[Sink]:
        """Have a sink that encrypts, if there is a key for that; all of it is written when the block ends."""
        if self.recipient is None:
            yield sink
            return
        recipient, target = x25519.Recipient.from_str(self.recipient), Target(sink)
        reader, writer = os.pipe()

        def encrypt() -> None:
            with os.fdopen(reader, "rb") as source:
                pyrage.encrypt_io(source, target, [recipient])

        beside = on_daemon_thread(encrypt, "age")
        try:
            with suppress(BrokenPipeError), os.fdopen(writer, "wb") as pipe:
                yield Pipe(pipe)
        finally:
            wait([beside])
        if target.error is not None:
            raise target.error
        beside.result()

    @contextmanager
    def opened(self, path: Path) -> Iterator[IO[bytes]]:
        """Open a file of a version, decrypted if it is encrypted.

        Raises: WrongKeyError, and ChecksumError at the end of what age has not taken for whole.
        """
        with path.open("rb") as file:
            if path.suffix != SUFFIX:
                yield file
                return
            identities = self.identities()
            reader, writer = os.pipe()

            def decrypt() -> None:
                with os.fdopen(writer, "wb") as pipe:
                    pyrage.decrypt_io(file, pipe, identities)

            beside = on_daemon_thread(decrypt, "age")
            try:
                with os.fdopen(reader, "rb") as source:
                    yield source
            finally:
                wait([beside])
            try:
                beside.result()
            except pyrage.DecryptError as error:
                raise WrongKeyError("The identity is not that of the version's recipient.") from error
            except BrokenPipeError:
                pass  # who reads has had enough
            except OSError as error:
                raise ChecksumError(f"{path.name} cannot be decrypted.") from error

    def identities(self) -> list[x25519.Identity]:
        """Read the identities, as age-keygen writes them.

        Raises: WrongKeyError.
        """
        if self.identity_file is None:
            raise WrongKeyError("The version is encrypted, and there is no AGE_IDENTITY_FILE.")
        try:
            lines = self.identity_file.read_text().splitlines()
            return [x25519.Identity.from_str(line.strip()) for line in lines if line.startswith(IDENTITY)]
        except (OSError, ValueError, pyrage.IdentityError) as error:
            raise WrongKeyError("AGE_IDENTITY_FILE cannot be read, or has no identity of age.") from error


class Pipe:
    """The end of a pipe as a sink."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        self._file.write(data)
