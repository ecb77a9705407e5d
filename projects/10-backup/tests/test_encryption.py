import os
from pathlib import Path

import pytest
from pyrage import x25519  # type: ignore[import-untyped]  # its stubs are not marked as such

from backup.encryption import Encryption
from backup.errors import ChecksumError, StorageFullError, WrongKeyError

CONTENT = os.urandom(3_000_000)
BLOCK = 1 << 18


class Memory:
    """A sink with room for so many bytes."""

    def __init__(self, room_bytes: int = 10_000_000) -> None:
        self.content = bytearray()
        self._room_bytes = room_bytes

    def write(self, data: bytes) -> None:
        if len(self.content) + len(data) > self._room_bytes:
            raise StorageFullError("full")
        self.content += data


@pytest.fixture
def encryption(tmp_path: Path) -> Encryption:
    identity = x25519.Identity.generate()
    path = tmp_path / "identity"
    path.write_text(f"# created: 2026-01-02T03:04:05Z\n{identity}\n")
    return Encryption(str(identity.to_public()), path)


def written(encryption: Encryption, sink: Memory) -> bytes:
    with encryption.sealed(sink) as sealed:
        for start in range(0, len(CONTENT), BLOCK):
            sealed.write(CONTENT[start : start + BLOCK])
    return bytes(sink.content)


def read(encryption: Encryption, path: Path) -> bytes:
    with encryption.opened(path) as file:
        return file.read()


def test_what_is_encrypted_is_read_with_the_identity_and_with_no_other(
    encryption: Encryption, tmp_path: Path
) -> None:
    path = tmp_path / "dump.age"
    path.write_bytes(written(encryption, Memory()))
    assert read(encryption, path) == CONTENT
    other = tmp_path / "other"
    other.write_text(str(x25519.Identity.generate()))
    for wrong in (Encryption(None, other), Encryption(), Encryption(None, tmp_path / "none")):
        with pytest.raises(WrongKeyError):
            read(wrong, path)


@pytest.mark.parametrize("at", [-1, 1_000_000])
def test_what_is_cut_or_changed_is_no_dump(encryption: Encryption, tmp_path: Path, at: int) -> None:
    encrypted = written(encryption, Memory())
    path = tmp_path / "dump.age"
    for bad in (encrypted[:at], encrypted[:at] + bytes([encrypted[at] ^ 1]) + encrypted[at:][1:]):
        path.write_bytes(bad)
        with pytest.raises(ChecksumError):
            read(encryption, path)


def test_a_storage_that_is_full_says_so_through_age(encryption: Encryption) -> None:
    with pytest.raises(StorageFullError):
        written(encryption, Memory(1_000_000))


def test_without_a_key_nothing_is_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(written(Encryption(), Memory()))
    assert path.read_bytes() == CONTENT
    assert read(Encryption(), path) == CONTENT
