"""The file of an entry: what is written is read, and what is not as it was written is found."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_cache.domain import Draft, Freshness, Metadata, Scope
from file_cache.entry_format import BLOCK_BYTES, EntryReader, EntryWriter, open_entry
from file_cache.errors import DamagedError

DRAFT = Draft(b"a\xff/\x00", Freshness(60), "text/plain")
NOW_NS = 1_800_000_000_123_456_789


def never() -> bool:
    return False


def written(path: Path, *pieces: bytes) -> Metadata:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    writer = EntryWriter(descriptor, never)
    for piece in pieces:
        writer.write(piece)
    metadata = writer.finish(DRAFT, NOW_NS)
    os.close(descriptor)
    return metadata


def read(path: Path, key: bytes | None = None, scope: Scope = Scope.TRUSTED) -> tuple[Metadata, bytes]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        reader = EntryReader(descriptor, None if key is None else (scope, key))
        body = b"".join(reader.blocks())
        assert reader.whole() == body
        return reader.metadata, body
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    "size_bytes", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 40 * BLOCK_BYTES + 7]
)
def test_what_is_written_is_read(tmp_path: Path, size_bytes: int) -> None:
    body = os.urandom(size_bytes)
    metadata = written(tmp_path / "entry", body[:1000], body[1000:70_000], body[70_000:])
    assert read(tmp_path / "entry", DRAFT.key) == (metadata, body)
    assert metadata.size_bytes == size_bytes


def test_the_body_lies_at_the_beginning_as_it_came(tmp_path: Path) -> None:
    written(tmp_path / "entry", b"a", b"bc")
    assert (tmp_path / "entry").read_bytes().startswith(b"abc{")


@given(st.integers(0, 5000), st.data())
def test_any_bit_that_is_flipped_is_found(
    tmp_path_factory: pytest.TempPathFactory, size_bytes: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("entry") / "entry"
    written(path, b"x" * size_bytes)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) * 8 - 1))
    content[at // 8] ^= 1 << at % 8
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        read(path, DRAFT.key)


@given(st.integers(0, 5000), st.data())
def test_any_end_that_is_missing_is_found(
    tmp_path_factory: pytest.TempPathFactory, size_bytes: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("entry") / "entry"
    written(path, b"x" * size_bytes)
    os.truncate(path, data.draw(st.integers(0, path.stat().st_size - 1)))
    with pytest.raises(DamagedError):
        read(path)


def test_a_damaged_block_ends_the_body_before_it(tmp_path: Path) -> None:
    written(tmp_path / "entry", bytes(3 * BLOCK_BYTES))
    content = bytearray((tmp_path / "entry").read_bytes())
    content[BLOCK_BYTES + 5] = 1
    (tmp_path / "entry").write_bytes(content)
    with EntryReader(os.open(tmp_path / "entry", os.O_RDONLY)) as reader:
        blocks = reader.blocks()
        assert next(blocks) == bytes(BLOCK_BYTES)
        with pytest.raises(DamagedError):
            next(blocks)


def test_an_entry_of_another_is_none(tmp_path: Path) -> None:
    written(tmp_path / "entry", b"x")
    with pytest.raises(DamagedError):
        read(tmp_path / "entry", b"other")
    with pytest.raises(DamagedError):
        read(tmp_path / "entry", DRAFT.key, Scope.UNTRUSTED)


def test_what_fails_to_open_leaves_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "entry").write_bytes(b"no entry")
    before = descriptors()
    assert open_entry(tmp_path / "entry") is None
    assert descriptors() == before


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
