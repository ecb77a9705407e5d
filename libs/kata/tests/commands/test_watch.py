import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kata.commands.watch import LEFT_OUT, changes, fingerprint

PATIENCE_SECONDS = 30.0


def next_change(watching: Iterator[None]) -> None:
    """Take the next change; one that never comes fails the test."""
    taken = threading.Thread(target=next, args=(watching,), daemon=True)
    taken.start()
    taken.join(PATIENCE_SECONDS)
    assert not taken.is_alive(), "no change was seen"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("one")
    return tmp_path


def test_the_first_look_counts_as_a_change(folder: Path) -> None:
    next_change(changes(folder, poll_seconds=0.01))


def test_a_change_of_a_file_is_seen(folder: Path) -> None:
    watching = changes(folder, poll_seconds=0.01)
    next_change(watching)
    (folder / "src" / "app.py").write_text("two and more")
    next_change(watching)


def test_a_change_that_comes_while_nobody_looks_is_seen_later(folder: Path) -> None:
    watching = changes(folder, poll_seconds=0.01)
    next_change(watching)
    (folder / "new.py").write_text("")
    next_change(watching)


def test_what_the_solution_writes_itself_does_not_go_on_for_ever(folder: Path) -> None:
    watching = changes(folder, poll_seconds=0.01)
    for run in range(2):
        next_change(watching)
        (folder / "out.log").write_text("x" * run)
        (folder / f"trace-{run}.log").write_text("")
    going = threading.Thread(target=next, args=(watching,), daemon=True)
    going.start()
    going.join(1)
    assert going.is_alive()
    (folder / "out.log").write_text("edited by hand")
    going.join(PATIENCE_SECONDS)
    assert not going.is_alive()


def test_a_new_file_and_a_removed_one_are_changes(folder: Path) -> None:
    before = fingerprint(folder)
    (folder / "new.py").write_text("")
    with_new = fingerprint(folder)
    (folder / "src" / "app.py").unlink()
    assert len({before, with_new, fingerprint(folder)}) == 3


def test_a_file_of_the_same_size_but_another_time_is_a_change(folder: Path) -> None:
    path = folder / "src" / "app.py"
    before = fingerprint(folder)
    later = path.stat().st_mtime_ns + 1_000_000
    path.write_text("two")
    os.utime(path, ns=(later, later))
    assert fingerprint(folder) != before


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_what_a_build_writes_is_no_change(folder: Path, name: str) -> None:
    before = fingerprint(folder)
    (folder / "src" / name).mkdir()
    (folder / "src" / name / "product").write_text("x")
    assert fingerprint(folder) == before


def test_a_link_to_nowhere_is_passed_over(folder: Path) -> None:
    before = fingerprint(folder)
    (folder / "link").symlink_to(folder / "gone")
    assert fingerprint(folder) == before
