"""Leases, and who waits for them, on real files."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from file_cache.access import READ, UNTRUSTED, WRITE, Access
from file_cache.bodies import Body, whole
from file_cache.budget import Budget
from file_cache.collapsing import Collapsing
from file_cache.conditions import Conditions
from file_cache.digests import ExpectedDigests
from file_cache.domain import Draft, Freshness, Scope
from file_cache.entry_files import EntryFiles
from file_cache.errors import (
    FillAwaitedError,
    InvalidFieldError,
    LeaseGrantedError,
    LeaseLostError,
    NotCachedError,
)
from file_cache.groups import Groups
from file_cache.leases import Leases, lease_field, token_of
from file_cache.preferences import LONGEST_WAIT_SECONDS, Patience, wait_seconds_of
from file_cache.service import Cache

LEASE_SECONDS = 30
MAX_WAITERS = 2


class Process:
    """One of those that share a folder."""

    def __init__(self, root: Path) -> None:
        self.skipped_ns = 0
        self.files = EntryFiles(root)
        self.leases = Leases(root / "leases", self.files.locked, LEASE_SECONDS, self.now_ns)
        budget = Budget(self.files, 1_000_000, lambda _: None)
        self.cache = Cache(
            self.files, Groups(root / "groups"), self.leases, budget, self.now_ns, lambda _: None
        )
        self.collapsing = Collapsing(self.cache, self.leases, LEASE_SECONDS, MAX_WAITERS)

    def now_ns(self) -> int:
        return time.time_ns() + self.skipped_ns

    def get(self, key: bytes = b"k", access: Access = WRITE, wait_seconds: int | None = 0) -> bytes:
        hit = self.collapsing.find(access, key, whole, Patience(wait_seconds))
        try:
            return b"".join(hit.body)
        finally:
            hit.close()

    def lease(self, key: bytes = b"k", access: Access = WRITE) -> str:
        with pytest.raises(LeaseGrantedError) as raised:
            self.get(key, access)
        return raised.value.token

    def put(
        self, body: bytes, lease: str | None = None, scope: Scope = Scope.TRUSTED, key: bytes = b"k"
    ) -> None:
        draft = Draft(key, Freshness(60), "text/plain", scope=scope)
        sent = Body([body], len(body), ExpectedDigests({}, key))
        self.cache.put(draft, Conditions(None, None), sent, lease)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    made: list[Process] = []

    def one() -> Process:
        made.append(Process(tmp_path))
        return made[-1]

    yield one
    for process in made:
        process.files.close()


@pytest.fixture
def process(make: Callable[[], Process]) -> Process:
    return make()


def test_who_does_not_wait_takes_no_lease(process: Process) -> None:
    with pytest.raises(NotCachedError) as raised:
        process.get(wait_seconds=None)
    assert type(raised.value) is NotCachedError
    assert process.lease()


def test_one_of_all_processes_is_to_fill_and_the_others_get_what_it_stores(
    make: Callable[[], Process],
) -> None:
    one, other = make(), make()
    token = one.lease()
    with pytest.raises(FillAwaitedError):
        other.get()
    with ThreadPoolExecutor(MAX_WAITERS) as pool:
        waiting = [pool.submit(each.get, wait_seconds=5) for each in (one, other)]
        time.sleep(0.1)
        assert not any(each.done() for each in waiting)
        other.put(b"value", token)
        assert [each.result(5) for each in waiting] == [b"value", b"value"]
    assert one.get() == b"value"


def test_who_has_waited_is_told_why(process: Process) -> None:
    process.lease()
    threading.Timer(0.1, process.put, [b"value"]).start()
    hit = process.collapsing.find(WRITE, b"k", whole, Patience(5))
    hit.close()
    assert hit.waited_for == "uri-miss"


def test_a_lease_that_lapses_goes_to_the_next(process: Process) -> None:
    first = process.lease()
    process.skipped_ns = LEASE_SECONDS * 1_000_000_000
    second = process.lease()
    assert second != first
    with pytest.raises(LeaseLostError):
        process.put(b"late", first)
    process.put(b"value", second)
    with pytest.raises(LeaseLostError):
        process.put(b"late", second)
    assert process.get() == b"value"


def test_a_lease_of_a_clock_that_was_put_back_does_not_last(process: Process) -> None:
    process.skipped_ns = 3_600_000_000_000
    process.lease()
    process.skipped_ns = 0
    assert process.lease()


def test_a_lease_that_was_half_written_is_none(process: Process, tmp_path: Path) -> None:
    process.lease()
    for path in (tmp_path / "leases").iterdir():
        path.write_text("")
    assert process.lease()


def test_a_delete_ends_the_lease(process: Process) -> None:
    first = process.lease()
    with pytest.raises(NotCachedError):
        process.cache.delete(Scope.TRUSTED, b"k", Conditions(None, None))
    assert process.lease() != first


def test_so_many_wait(process: Process) -> None:
    process.lease()
    with ThreadPoolExecutor(MAX_WAITERS) as pool:
        waiting = [pool.submit(process.get, wait_seconds=2) for _ in range(MAX_WAITERS)]
        time.sleep(0.2)
        began = time.monotonic()
        with pytest.raises(FillAwaitedError):
            process.get(wait_seconds=5)
        assert time.monotonic() - began < 1
        process.put(b"value")
        assert {each.result(5) for each in waiting} == {b"value"}
    process.cache.delete(Scope.TRUSTED, b"k", Conditions(None, None))
    process.lease()
    began = time.monotonic()
    with pytest.raises(FillAwaitedError):
        process.get(wait_seconds=1)
    assert time.monotonic() - began >= 1


def test_who_may_only_read_waits_and_gets_no_lease(process: Process) -> None:
    with pytest.raises(NotCachedError) as raised:
        process.get(access=READ)
    assert type(raised.value) is NotCachedError
    process.lease()
    with pytest.raises(FillAwaitedError):
        process.get(access=READ)


def test_who_is_not_trusted_keeps_nobody_waiting(process: Process) -> None:
    process.lease(access=UNTRUSTED)
    token = process.lease()
    process.put(b"trusted", token)
    process.put(b"own", scope=Scope.UNTRUSTED)
    assert process.get(access=UNTRUSTED) == b"trusted"
    process.cache.delete(Scope.TRUSTED, b"k", Conditions(None, None))
    assert process.get(access=UNTRUSTED) == b"own"
    with pytest.raises(LeaseGrantedError):
        process.get()


def test_what_has_lapsed_is_cleaned_up(process: Process, tmp_path: Path) -> None:
    process.lease(b"a")
    process.skipped_ns = LEASE_SECONDS * 1_000_000_000
    process.lease(b"b")
    process.leases.clean()
    assert len(list((tmp_path / "leases").iterdir())) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("wait=0", 0),
        ("wait=3", 3),
        ("WAIT = 3", 3),
        ('wait="3"', 3),
        ("respond-async, wait=3;x", 3),
        ('note="a, wait=0", wait=3', 3),
        ("wait=3, wait=1", 3),
        ("wait=6", LONGEST_WAIT_SECONDS),
        ("wait=" + "9" * 5000, LONGEST_WAIT_SECONDS),
        ("wait", None),
        ("wait=-1", None),
        ("wait=x, wait=3", None),
        ("waiting=3", None),
        ("wait=٣", None),
    ],
)
def test_how_long_to_wait(header: str | None, seconds: int | None) -> None:
    assert wait_seconds_of(header) == seconds


def test_the_field_of_a_lease() -> None:
    assert token_of(lease_field("abc", 5)) == "abc"
    assert token_of(None) is None
    for text in ("", "abc", "1", '"a', f'"{"x" * 129}"'):
        with pytest.raises(InvalidFieldError):
            token_of(text)
