import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from validation.errors import SchemaNotFoundError, StorageError
from validation.registry import Registry, Schema, Version

VERSION = Version({"const": 2**64}, {"urn:a": True}, assert_format=True)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "data")


def test_a_version_is_kept_under_its_hash(registry: Registry, tmp_path: Path) -> None:
    assert registry.save(VERSION)
    assert not registry.save(VERSION)
    text = registry.text(VERSION.id)
    assert hashlib.sha256(text).hexdigest() == VERSION.id
    assert registry.load(VERSION.id) == VERSION
    assert [path.name for path in (tmp_path / "data" / "schemas").iterdir()] == [f"{VERSION.id}.json"]


def test_a_version_is_read_whatever_the_limits_are_by_now(registry: Registry) -> None:
    schema: Schema = {"minimum": 1}
    for _ in range(198):
        schema = {"not": schema}
    version = Version(schema, {}, assert_format=False)
    registry.save(version)
    assert registry.load(version.id) == version


def test_a_damaged_file_is_no_version_and_is_written_anew(registry: Registry, tmp_path: Path) -> None:
    registry.save(VERSION)
    place = tmp_path / "data" / "schemas" / f"{VERSION.id}.json"
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(SchemaNotFoundError):
        registry.load(VERSION.id)
    assert registry.save(VERSION)
    assert registry.load(VERSION.id) == VERSION


@pytest.mark.parametrize("version_id", ["", "../x", "A" * 64, "0" * 63, "0" * 64, "0" * 65])
def test_what_is_no_id_is_not_found(registry: Registry, version_id: str) -> None:
    with pytest.raises(SchemaNotFoundError):
        registry.text(version_id)


def test_a_folder_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    registry = Registry(tmp_path / "file")
    with pytest.raises(StorageError):
        registry.save(VERSION)
    with pytest.raises(StorageError):
        registry.check()


def test_of_many_at_once_one_has_made_the_version(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Registry(tmp_path / "data").save(VERSION), range(40)))
    assert made.count(True) == 1
