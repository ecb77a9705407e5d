"""The verbs against a real PostgreSQL: what is not seen over HTTP."""

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from backup.domain import Kind, Level, Run, State
from backup.errors import CannotUndoError, PreflightError, RunInProgressError, UnknownRunError
from backup.manifests import digest
from backup.service import Backups
from backup.storage import FolderStorage

type Execute = Callable[[str], list[tuple[object, ...]]]
type Finished = Callable[[Run], Run]


@pytest.fixture
def version_id(backups: Backups, execute: Execute, finished: Finished) -> str:
    execute("CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY, word text)")
    execute("INSERT INTO items (word) SELECT n::text FROM generate_series(1, 10) AS n")
    run = finished(backups.create({}))
    assert (run.state, run.code) == (State.SUCCEEDED, None)
    return str(run.version_id)


def others(backups: Backups) -> list[str]:
    server = backups.creator.server
    with server.connect(server.elsewhere) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{server.database[:20]}%"]
        )
        return [str(name) for (name,) in rows if name != server.database]


def died(backups: Backups, run: Run) -> None:
    """Have a record as a process leaves it that was killed."""
    backups.runs.write(replace(run, state=State.RUNNING, finished_at=None, undo_until=None, undone_at=None))
    (backups.storage.folder / "runs" / "lock").write_text(run.id)


def test_sequences_are_compared_with_what_the_dump_says(
    backups: Backups, execute: Execute, finished: Finished
) -> None:
    """Names that need quotes, descending ones, ones that were never used."""
    execute(
        'CREATE SEQUENCE "Odd "" name"; CREATE SEQUENCE down INCREMENT -1; CREATE SEQUENCE unused START 7'
    )
    execute("SELECT setval('\"Odd \"\" name\"', 12), nextval('down'), nextval('down')")
    version_id = str(finished(backups.create({})).version_id)
    manifest = backups.storage.find(version_id).manifest
    assert manifest is not None
    assert manifest.source is not None
    values = {sequence.name: (sequence.value, sequence.is_called) for sequence in manifest.source.sequences}
    assert values == {
        'public."Odd "" name"': (12, True),
        "public.down": (-2, True),
        "public.unused": (7, False),
    }
    run = finished(backups.drill(version_id))
    assert (run.state, run.code) == (State.SUCCEEDED, None)


def test_a_drill_measures_and_proves(backups: Backups, version_id: str, finished: Finished) -> None:
    run = finished(backups.drill(version_id))
    marks = backups.storage.find(version_id).marks
    assert marks.verification is not None
    assert marks.verification.level is Level.COMPARED
    assert run.recovery_seconds == marks.verification.recovery_seconds
    assert others(backups) == []


def test_a_restore_works_where_the_database_is_gone(
    backups: Backups, version_id: str, execute: Execute, finished: Finished
) -> None:
    backups.creator.server.drop(backups.creator.server.database)
    run = finished(backups.restore(version_id))
    assert (run.state, run.code, run.safety_version_id, run.undo_until) == (State.SUCCEEDED, None, None, None)
    assert execute("SELECT count(*) FROM items") == [(10,)]
    with pytest.raises(CannotUndoError):
        backups.undo(run.id)


def test_what_a_dead_process_has_left_before_the_swap_is_removed(
    backups: Backups, version_id: str, finished: Finished
) -> None:
    run = finished(backups.drill(version_id))
    died(backups, replace(run, kind=Kind.RESTORE))
    backups.creator.server.create(backups.switch.scratch_of(run.id), None)
    backups.tidy()
    settled = backups.runs.find(run.id)
    assert (settled.state, settled.code) == (State.FAILED, "interrupted")
    assert others(backups) == []


def test_a_process_that_died_behind_the_swap_has_restored(
    backups: Backups, version_id: str, execute: Execute, finished: Finished
) -> None:
    execute("INSERT INTO items (word) VALUES ('later')")
    run = finished(backups.restore(version_id))
    died(backups, run)
    backups.tidy()
    settled = backups.runs.find(run.id)
    assert (settled.state, settled.undo_until) == (State.SUCCEEDED, run.undo_until)
    backups.undo(run.id)
    assert execute("SELECT count(*) FROM items") == [(11,)]


def test_who_died_before_the_swap_leaves_the_way_back_of_the_restore_before(
    backups: Backups, version_id: str, execute: Execute, finished: Finished
) -> None:
    execute("INSERT INTO items (word) VALUES ('later')")
    first = finished(backups.restore(version_id))
    second = finished(backups.drill(version_id))
    path = backups.storage.folder / "runs" / "former.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "run_id": second.id, "name": "not_yet_there", "previous": kept}))
    died(backups, replace(second, kind=Kind.RESTORE))
    backups.tidy()
    backups.undo(first.id)
    assert execute("SELECT count(*) FROM items") == [(11,)]
    assert others(backups) == []


def test_who_died_behind_the_swap_leaves_no_database_of_the_restore_before(
    backups: Backups, version_id: str, finished: Finished
) -> None:
    finished(backups.restore(version_id))
    path = backups.storage.folder / "runs" / "former.json"
    before = json.loads(path.read_text())
    run = finished(backups.restore(version_id))
    path.write_text(json.dumps({**json.loads(path.read_text()), "previous": before}))
    backups.creator.server.create(before["name"], None)
    died(backups, run)
    backups.tidy()
    assert others(backups) == [json.loads(path.read_text())["name"]]


def test_a_process_that_died_behind_an_undo_has_undone(
    backups: Backups, version_id: str, execute: Execute, finished: Finished
) -> None:
    run = finished(backups.restore(version_id))
    former = (backups.storage.folder / "runs" / "former.json").read_text()
    undone = backups.undo(run.id)
    (backups.storage.folder / "runs" / "former.json").write_text(former)
    died(backups, run)
    backups.creator.server.create(backups.switch.scratch_of(run.id), None)
    backups.runs.write(replace(undone, undone_at=None))
    backups.switch.settle()
    assert backups.runs.find(run.id).undone_at is not None
    assert others(backups) == []
    assert execute("SELECT count(*) FROM items") == [(10,)]


def test_an_undo_is_of_a_restore(backups: Backups, version_id: str, finished: Finished) -> None:
    run = finished(backups.verify(version_id))
    with pytest.raises(UnknownRunError):
        backups.undo(run.id)


def test_a_run_waits_for_who_tidies_up_and_is_not_refused(backups: Backups, finished: Finished) -> None:
    tidying = ExitStack()
    tidying.enter_context(backups.runs.alone())
    threading.Timer(0.3, tidying.close).start()
    assert finished(backups.create({})).state is State.SUCCEEDED


def test_a_run_is_refused_while_another_is_in_progress(
    backups: Backups, execute: Execute, finished: Finished, postgres_url: str
) -> None:
    execute("CREATE TABLE held ()")
    with psycopg.connect(postgres_url) as connection:
        connection.execute("LOCK TABLE held")
        run = backups.create({})
        with pytest.raises(RunInProgressError) as refused:
            backups.create({})
    assert refused.value.run_id == run.id
    assert finished(run).state is State.SUCCEEDED


def test_an_extension_that_is_not_there_is_in_the_way(backups: Backups, version_id: str) -> None:
    path = next(backups.storage.folder.glob(f"*-{version_id}")) / "manifest.json"
    members = json.loads(path.read_text())
    members["source"]["extensions"] += [
        {"name": "nowhere", "version": "1"},
        {"name": "plpgsql", "version": "0.1"},
    ]
    members["source"]["server_version"] = "99.1"
    rewrite(path, members)
    with pytest.raises(PreflightError) as refused:
        backups.preflight(version_id)
    codes = [code for code, _ in refused.value.obstacles]
    assert codes == ["older_server", "missing_extension", "missing_extension_version"]


def rewrite(path: Path, members: dict[str, object]) -> None:
    """Change a manifest as nobody can who does not know how it is hashed."""
    members.pop("sha256")
    path.write_text(json.dumps({**members, "sha256": digest(members)}))


def test_large_objects_that_come_out_otherwise_are_named(
    backups: Backups, execute: Execute, finished: Finished
) -> None:
    execute("SELECT lo_from_bytea(0, repeat('large', 500000)::bytea), lo_create(0)")
    version_id = str(finished(backups.create({})).version_id)
    drilled = finished(backups.drill(version_id))
    assert (drilled.state, drilled.code) == (State.SUCCEEDED, None)
    path = next(backups.storage.folder.glob(f"*-{version_id}")) / "manifest.json"
    members = json.loads(path.read_text())
    assert members["source"]["large_objects"]["count"] == 2
    members["source"]["large_objects"]["hash"] = "0" * 64
    rewrite(path, members)
    failed = finished(backups.drill(version_id))
    assert (failed.code, failed.detail) == ("content_differs", "Not as dumped: large objects.")


def test_a_scratch_database_that_was_left_is_dropped(
    backups: Backups, version_id: str, finished: Finished
) -> None:
    run = finished(backups.drill(version_id))
    name = backups.switch.scratch_of(run.id)
    backups.creator.server.create(name, None)
    (backups.storage.folder / "runs" / "scratch").write_text(name)
    backups.tidy()
    assert others(backups) == []
    assert not backups.switch.has_left()


def test_a_restore_wants_room_for_the_safety_version(backups: Backups, version_id: str) -> None:
    storage = replace_limit(backups, 1)
    with pytest.raises(PreflightError) as refused:
        replace(backups, storage=storage).preflight(version_id)
    assert [code for code, _ in refused.value.obstacles] == ["no_room"]


def replace_limit(backups: Backups, limit_bytes: int) -> FolderStorage:
    root = backups.storage.folder.parent
    return FolderStorage(root, backups.creator.server.database, limit_bytes)
