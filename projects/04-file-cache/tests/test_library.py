"""FileCache: what the published tests of cachelib and of Django's caches ask, as far as this cache has it.

What they store that needs pickle is refused here: instances of one's own classes, functions and classes,
sets, tuples, complex numbers, decimals, dates and exceptions. So there is nothing here of cachelib's objects
and tuples, and of Django's test_data_types (its tuple, its function, its class),
test_cache_read_for_model_instance and its kin, test_cache_write_unpicklable_object and its kin, and the tests
of its middleware, which store responses.

Some need a verb that this cache does not have: several keys at once, incr and decr, versions of a key, and
get_or_set, of which memoize is the like.
"""

import asyncio
import datetime as dt
import decimal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from file_cache.errors import InvalidGroupError, NoRoomError
from file_cache.library import FileCache

VALUES: list[object] = [
    b"",
    b"\x00\xff" * 100_000,
    "",
    "żółw 🐢",
    0,
    -(2**63),
    2**64 - 1,
    1.5,
    float("inf"),
    True,
    False,
    None,
    [],
    [1, "a", None, [b"x"]],
    {},
    {"a": {"b": [1, 2]}, "": b"x"},
    {1: "a", None: "b"},
    "x" * 1_000_000,
]


class Point(NamedTuple):
    """A subclass of what MessagePack has."""

    x: int


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FileCache]:
    with FileCache(tmp_path / "cache", default_ttl_seconds=60, cleanup_seconds=None) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileCache]:
    with FileCache(tmp_path_factory.mktemp("shared"), cleanup_seconds=None) as made:
        yield made


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_what_was_set_is_got(shared: FileCache, value: object) -> None:
    shared.set("key", value)
    assert shared.get("key", "nothing") == value
    assert type(shared.get("key", "nothing")) is type(value)
    assert "key" in shared


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        [(1,)],
        {1},
        Point(1),
        object(),
        int,
        len,
        2**64,
        1j,
        decimal.Decimal(1),
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        ValueError("x"),
        "\ud800",
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_would_not_come_back_is_refused(shared: FileCache, value: object) -> None:
    shared.set("key", "old")
    with pytest.raises(TypeError):
        shared.set("key", value)
    assert shared.get("key") == "old"


def test_the_default_is_for_what_is_not_there(cache: FileCache) -> None:
    assert cache.get("key") is None
    assert cache.get("key", "default") == "default"
    assert "key" not in cache
    cache.set("key", None)
    assert cache.get("key", "default") is None
    assert "key" in cache


def test_add_stores_what_is_not_there(cache: FileCache) -> None:
    assert cache.add("key", 1)
    assert not cache.add("key", 2)
    assert cache.get("key") == 1
    assert cache.delete("key")
    assert cache.add("key", 3)
    assert cache.get("key") == 3


def test_of_many_that_add_one_is_told_that_it_has(tmp_path: Path) -> None:
    caches = [FileCache(tmp_path, cleanup_seconds=None) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda item: item[1].add("key", item[0]), enumerate(caches)))
    assert sum(told) == 1
    assert caches[0].get("key") == told.index(True)
    for one in caches:
        one.close()


def test_delete_says_whether_there_was_one(cache: FileCache) -> None:
    assert not cache.delete("key")
    cache.set("key", 1)
    assert cache.delete("key")
    assert cache.get("key") is None
    assert not cache.delete("key")


def test_clear_removes_all(cache: FileCache) -> None:
    for number in range(5):
        cache.set(f"key{number}", number)
    assert cache.clear() == 5
    assert [cache.get(f"key{number}") for number in range(5)] == [None] * 5


def test_values_expire(cache: FileCache) -> None:
    cache.set("short", 1, ttl_seconds=1)
    cache.set("long", 2, ttl_seconds=60 * 60 * 24 * 400)
    cache.set("longest", 3, ttl_seconds=2**40)
    cache.set("never", 4, ttl_seconds=0)
    assert cache.get("never") is None
    assert cache.get("short") == 1
    time.sleep(1.1)
    assert cache.get("short") is None
    assert "short" not in cache
    assert cache.add("short", 5)
    assert (cache.get("long"), cache.get("longest")) == (2, 3)
    with pytest.raises(ValueError, match="negative"):
        cache.set("key", 1, ttl_seconds=-1)


def test_touch_gives_another_time_to_live(cache: FileCache) -> None:
    body = b"x" * 200_000
    cache.set("longer", body, ttl_seconds=1)
    cache.set("shorter", 2, ttl_seconds=1000)
    assert cache.touch("longer", 1000)
    assert cache.touch("shorter", 0)
    assert not cache.touch("nothing", 5)
    assert cache.get("shorter") is None
    assert not cache.touch("shorter", 5)
    time.sleep(1.1)
    assert cache.get("longer") == body


@pytest.mark.parametrize("key", ["a", "żółw", "a b/../\n", b"\xff\x00", "x" * 1024])
def test_a_key_is_any_text_or_bytes(shared: FileCache, key: str | bytes) -> None:
    shared.set(key, "value")
    assert shared.get(key) == "value"
    assert shared.get(key.encode() if isinstance(key, str) else key) == "value"


@pytest.mark.parametrize("key", ["", b"", "x" * 1025, "é" * 513])
def test_a_key_has_1_to_1024_bytes(shared: FileCache, key: str | bytes) -> None:
    calls: list[Callable[[], object]] = [
        lambda: shared.get(key),
        lambda: shared.set(key, 1),
        lambda: shared.add(key, 1),
        lambda: shared.delete(key),
        lambda: shared.touch(key),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="1024"):
            call()


def test_a_tag_is_invalidated_with_all_that_have_it(cache: FileCache) -> None:
    cache.set("one", 1, tags=["a", "b"])
    cache.set("two", 2, tags=["b"])
    cache.set("three", 3)
    assert cache.tag("three", "a")
    assert not cache.tag("nothing", "a")
    cache.invalidate("a")
    assert (cache.get("one"), cache.get("two"), cache.get("three")) == (None, 2, None)
    cache.set("one", 4, tags=["a"])
    assert cache.get("one") == 4
    for tags in ([""], ["é"], ["x" * 129]):
        with pytest.raises(InvalidGroupError):
            cache.set("one", 5, tags=tags)


def test_touch_keeps_the_tags_and_a_tag_keeps_the_time(cache: FileCache) -> None:
    cache.set("key", 1, ttl_seconds=2, tags=["a"])
    assert cache.touch("key", 1)
    assert cache.tag("key", "b")
    cache.invalidate("a")
    assert cache.get("key") is None
    cache.set("key", 1, ttl_seconds=1)
    assert cache.tag("key", "b")
    time.sleep(1.1)
    assert cache.get("key") is None


def test_what_is_larger_than_the_budget_is_refused(tmp_path: Path) -> None:
    with FileCache(tmp_path, budget_bytes=100_000, cleanup_seconds=None) as cache:
        cache.set("key", 1)
        with pytest.raises(NoRoomError):
            cache.set("large", b"x" * 200_000)
        for number in range(100):
            cache.set(f"key{number}", b"x" * 5_000)
        assert cache.get("key99") is not None
        assert cache.get("key1") is None


def test_a_file_that_is_damaged_is_a_miss(cache: FileCache, tmp_path: Path) -> None:
    for size_bytes, at in ((10, 5), (200_000, 150_000)):
        cache.set("key", b"x" * size_bytes)
        (path,) = (path for path in (tmp_path / "cache/trusted").rglob("*") if path.is_file())
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"y")
        assert cache.get("key") is None
        assert not cache.touch("key")


def test_a_function_is_called_once_for_its_arguments(cache: FileCache) -> None:
    calls: list[tuple[object, ...]] = []

    @cache.memoize(ttl_seconds=60, tags=["sums"])
    def add(one: int, *, other: int = 0) -> list[int]:
        calls.append((one, other))
        return [one + other]

    assert [add(1, other=2), add(1, other=2), add(1), add(2, other=1)] == [[3], [3], [1], [3]]
    assert calls == [(1, 2), (1, 0), (2, 1)]
    cache.invalidate("sums")
    assert add(1) == [1]
    assert len(calls) == 4
    with pytest.raises(TypeError):
        add({1})  # type: ignore[arg-type]  # that is what is tested


def test_of_many_that_call_a_function_one_computes(tmp_path: Path) -> None:
    calls: list[int] = []
    caches = [FileCache(tmp_path, cleanup_seconds=None) for _ in range(3)]

    def slow(number: int) -> int:
        calls.append(number)
        time.sleep(0.3)
        return number * 2

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda number: caches[number % 3].memoize()(slow)(21), range(12)))
    assert found == [42] * 12
    assert calls == [21]
    for one in caches:
        one.close()


def test_who_fails_to_compute_lets_another_try(cache: FileCache) -> None:
    outcomes = [ValueError("no luck"), 1]

    @cache.memoize()
    def uncertain() -> object:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(ValueError, match="no luck"):
        uncertain()
    began = time.monotonic()
    assert uncertain() == 1
    assert time.monotonic() - began < 1


def test_all_processes_have_the_same(tmp_path: Path) -> None:
    program = (
        "import sys; from file_cache.library import FileCache\n"
        "with FileCache(sys.argv[1], cleanup_seconds=None) as cache: cache.set('of another', [1])"
    )
    with FileCache(tmp_path) as cache:
        subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=30)
        assert cache.get("of another") == [1]


def test_what_has_expired_is_cleaned_up(tmp_path: Path) -> None:
    with FileCache(tmp_path, cleanup_seconds=0.1) as cache:
        cache.set("key", b"x", ttl_seconds=0)
        deadline = time.monotonic() + 10
        while any(path.is_file() for path in (tmp_path / "trusted").rglob("*")):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_threads_and_coroutines_share_it(cache: FileCache) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(asyncio.to_thread(cache.set, f"key{n}", n) for n in range(20)))

    asyncio.run(all_of_them())
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(cache.get("key7"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [7] * 5
