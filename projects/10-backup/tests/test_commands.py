"""The commands as programs, as somebody would call them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
import zstandard

from kata.servers.postgres_programs import postgres_folder

SOURCE = Path(__file__).parents[1] / "src"

type Execute = Callable[[str], list[tuple[object, ...]]]


class Command(Protocol):
    """Runs `python -m backup` with these settings."""

    def __call__(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Return how it has ended."""
        ...


@pytest.fixture
def command(postgres_url: str, tmp_path: Path) -> Command:
    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SOURCE),
            "DATABASE_URL": postgres_url,
            "DATA_DIR": str(tmp_path / "data"),
            "POSTGRES_BIN": str(postgres_folder()),
            **settings,
        }
        argv = [sys.executable, "-m", "backup", *arguments]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_a_version_is_made_listed_drilled_restored_and_undone(command: Command, execute: Execute) -> None:
    execute("CREATE TABLE items AS SELECT n FROM generate_series(1, 5) AS n")
    made = command("create", "--label", "app:2.3")
    assert made.returncode == 0, made.stderr
    version_id = json.loads(made.stdout)["version_id"]
    [listed] = command("list").stdout.splitlines()
    assert json.loads(listed)["id"] == version_id
    assert json.loads(command("show", "latest").stdout)["labels"] == {"app": "2.3"}
    assert command("verify", version_id).returncode == 0
    assert command("drill", "latest").returncode == 0
    execute("INSERT INTO items VALUES (6)")
    restored = command("restore", version_id)
    assert restored.returncode == 0, restored.stderr
    assert execute("SELECT count(*) FROM items") == [(5,)]
    assert command("undo", json.loads(restored.stdout)["id"]).returncode == 0
    assert execute("SELECT count(*) FROM items") == [(6,)]


def test_what_fails_has_an_exit_code_and_a_line(command: Command) -> None:
    failed = command("create", DATABASE_URL="postgresql://postgres:x@127.0.0.1:1/shop")
    assert failed.returncode == 1
    assert "connection_failed" in failed.stderr
    assert command("verify", "01ARZ3NDEKTSV4RRFFQ69G5FAV").returncode == 1
    assert command("create", "--label", "none").returncode == 64
    assert command("create", KEEP_LAST="0").returncode == 78
    assert command("nonsense").returncode == 2


def test_it_prunes_pins_and_imports(command: Command, tmp_path: Path, postgres_url: str) -> None:
    kept = {"KEEP_LAST": "1", "KEEP_DAILY": "0", "KEEP_WEEKLY": "0", "KEEP_MONTHLY": "0"}
    first = json.loads(command("create").stdout)["version_id"]
    command("pin", first)
    second = json.loads(command("create").stdout)["version_id"]
    database = postgres_url.rpartition("/")[2]
    dump = tmp_path / "data" / database / "incoming" / "foreign.dump"
    subprocess.run([postgres_folder() / "pg_dump", "-Fc", "-f", dump, postgres_url], check=True)
    third = json.loads(command("import", "foreign.dump").stdout)["version_id"]
    planned = json.loads(command("prune", "--dry-run", **kept).stdout)
    assert planned["deleted"] == [second]
    assert planned["kept"] == {third: ["last"], first: ["pinned"]}
    command("unpin", first)
    assert json.loads(command("prune", **kept).stdout)["deleted"] == [first, second]


def test_it_exports_what_stock_tools_restore(
    command: Command, execute: Execute, tmp_path: Path, postgres_url: str
) -> None:
    execute("CREATE EXTENSION citext")
    execute("CREATE TABLE people (id serial PRIMARY KEY, mail citext UNIQUE, code varchar(20))")
    execute("CREATE TABLE notes (id smallint, mail citext REFERENCES people (mail))")
    execute("INSERT INTO people VALUES (1, 'Ada@shop.test', 'A-1'), (2, NULL, NULL)")
    execute("INSERT INTO notes VALUES (1, 'ada@SHOP.test')")
    made = command("create")
    rules = tmp_path / "rules"
    settings = {"EXPORT_RULES_FILE": str(rules), "EXPORT_KEY": "of development, and of nothing else"}
    rules.write_text("people.mail = email\n")
    forgotten = command("export", "latest", **settings)
    assert (forgotten.returncode, "public.notes.mail" in forgotten.stderr) == (1, True)
    rules.write_text("people.mail = email\nnotes.mail = email\npeople.id = id\npeople.code = id\n")
    refused = command("export", "latest", EXPORT_RULES_FILE=str(rules))
    assert (refused.returncode, "no_key" in refused.stderr) == (1, True)
    exported = command("export", json.loads(made.stdout)["version_id"], **settings)
    assert exported.returncode == 0, exported.stderr
    outgoing = tmp_path / "data" / postgres_url.rpartition("/")[2] / "outgoing"
    [dump] = outgoing.iterdir()
    assert dump.name == json.loads(exported.stdout)["file"]
    archive = zstandard.ZstdDecompressor().stream_reader(dump.read_bytes()).read()
    execute("DROP TABLE notes, people; DROP EXTENSION citext")
    argv = [
        str(postgres_folder() / "pg_restore"),
        "--exit-on-error",
        "--no-owner",
        f"--dbname={postgres_url}",
    ]
    subprocess.run(argv, input=archive, check=True)
    [(key, mail, code)] = execute("SELECT p.id, p.mail::text, code FROM people AS p JOIN notes USING (mail)")
    [(following,)] = execute("SELECT nextval('people_id_seq')")
    assert int(str(following)) > 2**30 > int(str(key))
    assert (str(mail).endswith("@example.invalid"), len(str(code)), key != 1) == (True, 16, True)
