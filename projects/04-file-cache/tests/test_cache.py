"""The verbs, the room and the clean-up, on real files."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from file_cache import entry_files, entry_format
from file_cache.bodies import Body, Stored
from file_cache.budget import Budget
from file_cache.cleaning import Cleaner
from file_cache.conditions import Conditions
from file_cache.digests import ExpectedDigests, digest_field
from file_cache.domain import Draft, Freshness, Scope
from file_cache.entry_files import EntryFiles
from file_cache.entry_format import EntryReader
from file_cache.errors import (
    DigestMismatchError,
    InvalidFieldError,
    NoRoomError,
    NotCachedError,
    PreconditionFailedError,
)
from file_cache.exchange import exchange
from file_cache.groups import Groups, groups_field, groups_of
from file_cache.leases import Leases
from file_cache.ledger import Ledger
from file_cache.service import Cache

SECOND_NS = 1_000_000_000
BUDGET_BYTES = 400_000
LEASE_SECONDS = 30


@dataclass
class Clock:
    """Wall-clock time."""

    now_ns: int = 1_800_000_000 * SECOND_NS

    def __call__(self) -> int:
        self.now_ns += 1000  # no two things happen at the same instant
        return self.now_ns

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)


@dataclass
class Desk:
    """A cache, and what it is made of."""

    root: Path
    clock: Clock
    budget_bytes: int = BUDGET_BYTES
    heard: list[str] = field(default_factory=list)
    evicted: int = 0

    def __post_init__(self) -> None:
        self.files = EntryFiles(self.root)
        self.budget = Budget(self.files, self.budget_bytes, self.count)
        self.groups = Groups(self.root / "groups")
        self.leases = Leases(self.root / "leases", self.files.locked, LEASE_SECONDS, self.clock)
        self.cache = Cache(self.files, self.groups, self.leases, self.budget, self.clock, self.heard.append)
        self.cleaner = Cleaner(self.files, self.leases, self.cache.is_kept, 60)

    def count(self, evicted: int) -> None:
        self.evicted += evicted

    def put(
        self,
        key: bytes,
        *pieces: bytes,
        ttl_seconds: int = 60,
        if_match: str | None = None,
        if_none_match: str | None = None,
        digest: str | None = None,
        announced_bytes: int | None = None,
    ) -> Stored:
        return self.store(
            key, pieces, ttl_seconds, Conditions.parse(if_match, if_none_match), digest, announced_bytes
        )

    def store(
        self,
        key: bytes,
        pieces: Iterable[bytes],
        ttl_seconds: int,
        conditions: Conditions,
        digest: str | None = None,
        announced_bytes: int | None = None,
    ) -> Stored:
        digests = ExpectedDigests.parse({"Content-Digest": digest}, key)
        draft = Draft(key, Freshness(ttl_seconds), "text/plain")
        return self.cache.put(draft, conditions, Body(pieces, announced_bytes, digests))

    def get(self, key: bytes) -> bytes | None:
        try:
            hit = self.cache.find(Scope.TRUSTED, key)
        except NotCachedError:
            return None
        try:
            return b"".join(hit.body)
        finally:
            hit.close()

    def delete(self, key: bytes, if_match: str | None = None) -> None:
        self.cache.delete(Scope.TRUSTED, key, Conditions.parse(if_match, None))

    def path(self, key: bytes) -> Path:
        return self.files.path(Scope.TRUSTED, key)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_desk(tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Desk]]:
    """Make as many processes of one folder as a test wants."""
    made: list[Desk] = []

    def make() -> Desk:
        made.append(Desk(tmp_path, clock))
        return made[-1]

    yield make
    for desk in made:
        desk.files.close()


@pytest.fixture
def desk(make_desk: Callable[[], Desk]) -> Desk:
    return make_desk()


def test_what_was_stored_is_found(desk: Desk) -> None:
    assert desk.put(b"k", b"a", b"b").is_new
    assert desk.get(b"k") == b"ab"
    assert desk.get(b"other") is None
    assert desk.heard == ["hit", "uri-miss"]


def test_a_key_leads_nowhere_but_into_the_folder(desk: Desk, tmp_path: Path) -> None:
    for key in (b"../../x", b"/etc/passwd", b"a\x00b", b"\xff"):
        desk.put(key, key)
        assert desk.get(key) == key
        assert desk.path(key).parent.parent == tmp_path / "trusted"


def test_files_are_for_their_owner(desk: Desk, tmp_path: Path) -> None:
    desk.put(b"k", b"x")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    assert modes == {0o600}


def test_an_entry_is_a_miss_at_the_instant_at_which_it_expires(desk: Desk, clock: Clock) -> None:
    stored = desk.put(b"k", b"x", ttl_seconds=2)
    clock.now_ns = stored.metadata.expires_ns - 2000
    assert desk.get(b"k") == b"x"
    clock.now_ns = stored.metadata.expires_ns - 1000
    assert desk.get(b"k") is None
    assert desk.heard == ["hit", "stale"]
    assert desk.put(b"k", b"y").is_new


def test_a_body_that_breaks_off_leaves_what_was_there(desk: Desk, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"new"
        raise ConnectionError

    desk.put(b"k", b"old")
    with pytest.raises(ConnectionError):
        desk.store(b"k", broken(), 60, Conditions(None, None), announced_bytes=1000)
    assert desk.get(b"k") == b"old"
    assert [path.name for path in (tmp_path / "uploads").rglob("*") if path.is_file()] == ["alive"]
    assert desk.files.reserved_bytes() == 0


def test_conditions_decide(desk: Desk, clock: Clock) -> None:
    tag = desk.put(b"k", b"x", ttl_seconds=5).metadata.etag
    with pytest.raises(PreconditionFailedError):
        desk.put(b"k", b"y", if_none_match="*")
    with pytest.raises(PreconditionFailedError):
        desk.put(b"k", b"y", if_match='"other"')
    with pytest.raises(PreconditionFailedError):
        desk.delete(b"k", if_match='"other"')
    assert not desk.put(b"k", b"y", if_match=tag, ttl_seconds=5).is_new
    clock.wait(5)
    with pytest.raises(PreconditionFailedError):
        desk.put(b"k", b"z", if_match="*")
    assert desk.put(b"k", b"z", if_none_match="*").is_new


def test_conditions_are_asked_again_when_the_body_has_come(make_desk: Callable[[], Desk]) -> None:
    one, other = make_desk(), make_desk()

    def slow() -> Iterator[bytes]:
        yield b"slow"
        other.put(b"k", b"quick", if_none_match="*")

    with pytest.raises(PreconditionFailedError):
        one.store(b"k", slow(), 60, Conditions.parse(None, "*"))
    assert one.get(b"k") == b"quick"


def test_another_digest_stores_nothing(desk: Desk) -> None:
    digest = digest_field(desk.put(b"k", b"x").metadata.sha256)
    desk.put(b"same", b"x", digest=digest)
    with pytest.raises(DigestMismatchError):
        desk.put(b"k", b"y", digest=digest)
    assert desk.get(b"k") == b"x"


def test_delete(desk: Desk, clock: Clock) -> None:
    desk.put(b"k", b"x", ttl_seconds=1)
    desk.delete(b"k")
    assert desk.get(b"k") is None
    with pytest.raises(NotCachedError):
        desk.delete(b"k")
    desk.put(b"k", b"x", ttl_seconds=1)
    clock.wait(1)
    with pytest.raises(NotCachedError):
        desk.delete(b"k")
    assert not desk.path(b"k").exists()


def test_a_reader_keeps_the_old_bytes(desk: Desk) -> None:
    body = os.urandom(200_000)
    desk.put(b"k", body)
    hit = desk.cache.find(Scope.TRUSTED, b"k")
    desk.put(b"k", b"new")
    desk.delete(b"k")
    assert b"".join(hit.body) == body
    hit.close()


def test_files_are_exchanged_in_one_step(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    assert not exchange(one, other)
    other.write_text("2")
    assert exchange(one, other)
    assert (one.read_text(), other.read_text()) == ("2", "1")


def test_where_files_cannot_be_exchanged_one_takes_the_place_of_the_other(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry_files, "exchange", lambda *_: False)
    desk.put(b"k", b"old")
    desk.put(b"k", b"new")
    assert desk.get(b"k") == b"new"
    assert [path.name for path in (tmp_path / "uploads").rglob("*") if path.is_file()] == ["alive"]


def test_a_damaged_file_is_put_aside_and_heals(desk: Desk, tmp_path: Path) -> None:
    desk.put(b"k", b"x" * 100)
    content = bytearray(desk.path(b"k").read_bytes())
    content[5] ^= 1
    desk.path(b"k").write_bytes(content)
    assert desk.get(b"k") is None
    assert len(list((tmp_path / "damaged").iterdir())) == 1
    assert desk.heard == ["damaged"]
    assert desk.files.ledger.total() == 0
    assert desk.put(b"k", b"y").is_new
    assert desk.get(b"k") == b"y"


def test_damage_behind_the_first_block_cuts_the_answer_and_then_it_is_a_miss(desk: Desk) -> None:
    desk.put(b"k", bytes(200_000))
    with desk.path(b"k").open("r+b") as file:
        file.seek(150_000)
        file.write(b"x")
    assert desk.get(b"k") == bytes(131_072)
    assert desk.get(b"k") is None
    assert desk.heard == ["hit", "damaged", "uri-miss"]


def test_of_damaged_files_sixteen_are_kept(desk: Desk, tmp_path: Path) -> None:
    for number in range(20):
        desk.put(b"%d" % number, b"x")
        desk.path(b"%d" % number).write_bytes(b"torn")
        assert desk.get(b"%d" % number) is None
    assert len(list((tmp_path / "damaged").iterdir())) == 16
    desk.cleaner.clean()  # the sizes of the torn ones were nobody's
    assert desk.files.ledger.total() == 0


def test_a_file_that_is_gone_is_a_miss(desk: Desk) -> None:
    desk.put(b"k", b"x")
    desk.path(b"k").unlink()
    assert desk.get(b"k") is None
    assert desk.put(b"k", b"x").is_new


def test_a_full_disk_evicts_and_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put(b"old", b"x")
    fail_writes(monkeypatch, [entry_format.DISK_FULL[0]])
    desk.put(b"new", b"y" * 70_000)
    assert desk.get(b"new") == b"y" * 70_000
    assert desk.get(b"old") is None


def test_a_disk_that_stays_full_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_writes(monkeypatch, list(entry_format.DISK_FULL))
    with pytest.raises(NoRoomError):
        desk.put(b"new", b"y")
    assert desk.get(b"new") is None
    assert desk.files.reserved_bytes() == 0


def fail_writes(monkeypatch: pytest.MonkeyPatch, errors: list[int]) -> None:
    """Let the next writes fail: a disk that is full cannot be had without mounting one."""
    write = os.write

    def failing(descriptor: int, data: memoryview) -> int:
        if errors:
            raise OSError(errors.pop(0), "full")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", failing)


ENTRY_BYTES = 20_000


def keys(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last)]


def fill(desk: Desk, names: list[bytes]) -> None:
    for name in names:
        desk.put(name, bytes(ENTRY_BYTES))


def found(desk: Desk, names: list[bytes]) -> list[bytes]:
    return [name for name in names if desk.path(name).exists()]


def test_all_entries_have_the_budget_at_most(desk: Desk) -> None:
    fill(desk, keys(0, 60))
    used = sum(desk.path(name).stat().st_size for name in found(desk, keys(0, 60)))
    assert BUDGET_BYTES * 0.75 < used <= BUDGET_BYTES
    assert desk.files.ledger.total() == used
    assert desk.evicted == 60 - len(found(desk, keys(0, 60)))


def test_what_nobody_has_read_goes_in_the_order_in_which_it_came(desk: Desk) -> None:
    fill(desk, keys(0, 60))
    left = found(desk, keys(0, 60))
    assert left == keys(60 - len(left), 60)


def test_what_was_read_outlives_any_scan(desk: Desk) -> None:
    fill(desk, keys(0, 15))
    for name in keys(0, 8):
        assert desk.get(name) is not None
    fill(desk, keys(100, 200))
    assert found(desk, keys(0, 15)) == keys(0, 8)


def test_what_was_read_goes_if_nothing_else_is_left(desk: Desk) -> None:
    fill(desk, keys(0, 15))
    for name in keys(0, 15):
        desk.get(name)
    desk.put(b"large", bytes(BUDGET_BYTES - 10_000))
    assert found(desk, keys(0, 15)) == []


def test_what_is_on_its_way_takes_room_in_all_processes(make_desk: Callable[[], Desk]) -> None:
    one, other = make_desk(), make_desk()

    def slow() -> Iterator[bytes]:
        with pytest.raises(NoRoomError):
            other.put(b"second", bytes(200_000), announced_bytes=200_000)
        yield bytes(250_000)

    one.store(b"first", slow(), 60, Conditions(None, None), announced_bytes=250_000)
    assert one.get(b"first") == bytes(250_000)
    other.put(b"second", bytes(200_000), announced_bytes=200_000)
    assert one.get(b"first") is None


def test_a_body_without_a_length_asks_for_room_as_it_comes(desk: Desk) -> None:
    fill(desk, keys(0, 10))
    with pytest.raises(NoRoomError):
        desk.put(b"large", *[bytes(50_000)] * 9)
    assert desk.get(b"large") is None
    assert desk.files.reserved_bytes() == 0


def test_the_room_of_a_process_that_died_is_free(make_desk: Callable[[], Desk], tmp_path: Path) -> None:
    desk = make_desk()
    dead = tmp_path / "uploads" / "dead"
    dead.mkdir()
    (dead / "alive").write_bytes((350_000).to_bytes(8, "little"))
    assert desk.files.reserved_bytes() == 350_000
    desk.put(b"k", bytes(100_000), announced_bytes=100_000)
    assert not dead.exists()


def test_the_ledger_knows_what_all_have_stored(make_desk: Callable[[], Desk]) -> None:
    one, other = make_desk(), make_desk()
    one.put(b"a", bytes(1000))
    other.put(b"b", bytes(5000))
    other.put(b"a", bytes(2000))
    one.delete(b"b")
    size_bytes = one.path(b"a").stat().st_size
    assert (one.files.ledger.total(), other.files.ledger.total()) == (size_bytes, size_bytes)


def test_a_wrong_ledger_is_counted_anew(desk: Desk) -> None:
    desk.put(b"a", bytes(1000))
    desk.put(b"b", bytes(1000))
    desk.path(b"b").unlink()
    desk.cleaner.clean()
    assert desk.files.ledger.total() == desk.path(b"a").stat().st_size


def test_a_ledger_is_never_negative(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", 4)
    ledger.add(3, 5)
    ledger.add(3, -7)
    ledger.add(0, 2)
    assert Ledger(tmp_path / "ledger", 4).total() == 2


def test_clean_up_removes_what_has_expired_and_nothing_else(desk: Desk, clock: Clock) -> None:
    desk.put(b"soon", b"x", ttl_seconds=1)
    desk.put(b"later", b"x", ttl_seconds=100)
    clock.wait(1)
    assert desk.cleaner.clean() == 1
    assert (desk.path(b"soon").exists(), desk.get(b"later")) == (False, b"x")


def test_what_has_been_replaced_is_not_removed(desk: Desk) -> None:
    desk.put(b"k", b"old", ttl_seconds=1)
    with EntryReader(os.open(desk.path(b"k"), os.O_RDONLY)) as seen:
        desk.put(b"k", b"new")
        with desk.files.locked():
            assert not desk.files.remove(desk.path(b"k"), seen)
    assert desk.get(b"k") == b"new"


def put_in(desk: Desk, key: bytes, groups: tuple[str, ...], pieces: Iterator[bytes] | None = None) -> None:
    draft = Draft(key, Freshness(60), "text/plain", desk.groups.generations(groups))
    body = Body(pieces or iter([key]), None, ExpectedDigests({}, key))
    desk.cache.put(draft, Conditions(None, None), body)


def test_an_invalidation_makes_a_miss_of_each_entry_of_the_group(make_desk: Callable[[], Desk]) -> None:
    one, other = make_desk(), make_desk()
    put_in(one, b"a", ("red", "blue"))
    put_in(one, b"b", ("blue",))
    put_in(one, b"c", ())
    other.cache.invalidate("red")
    assert [one.get(key) for key in (b"a", b"b", b"c")] == [None, b"b", b"c"]
    put_in(one, b"a", ("red", "blue"))
    assert other.get(b"a") == b"a"


def test_what_is_on_its_way_does_not_outlive_an_invalidation(desk: Desk) -> None:
    def slow() -> Iterator[bytes]:
        yield b"old"
        desk.cache.invalidate("red")

    put_in(desk, b"a", ("red",), slow())
    assert desk.get(b"a") is None


def test_clean_up_removes_what_was_invalidated(desk: Desk) -> None:
    put_in(desk, b"a", ("red",))
    put_in(desk, b"b", ())
    desk.cache.invalidate("red")
    assert desk.cleaner.clean() == 1
    assert (desk.path(b"a").exists(), desk.path(b"b").exists()) == (False, True)


def test_a_purge_removes_those_that_begin_so(desk: Desk) -> None:
    for key in (b"a/1", b"a/2", b"ab", b"b/a/1"):
        put_in(desk, key, ())
    assert desk.cache.purge(b"a/", Scope.TRUSTED) == 2
    assert [desk.get(key) for key in (b"a/1", b"a/2", b"ab", b"b/a/1")] == [None, None, b"ab", b"b/a/1"]


@pytest.mark.parametrize(
    ("header", "groups"),
    [(None, ()), ("", ()), ('"a", "b c"', ("a", "b c")), ('"a";x=1, "a"', ("a",)), ('"q\\"\\\\"', ('q"\\',))],
)
def test_groups_are_read(header: str | None, groups: tuple[str, ...]) -> None:
    assert groups_of(header) == groups
    assert not groups or groups_of(groups_field(groups)) == groups


@pytest.mark.parametrize(
    "header", ["a", '"a', '""', "1", '("a")', f'"{"x" * 129}"', ", ".join(f'"{n}"' for n in range(33))]
)
def test_what_is_no_list_of_groups_is_refused(header: str) -> None:
    with pytest.raises(InvalidFieldError):
        groups_of(header)
