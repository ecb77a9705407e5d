import os
import signal
import threading
from pathlib import Path

import pytest

from backup.database import Server
from backup.errors import ProgramMissingError
from backup.programs import Programs, Running, running
from kata.servers.postgres_programs import postgres_folder


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_what_still_runs_at_the_end_of_the_block_is_killed() -> None:
    with running(["sleep", "60"], {}) as program:
        pid = program.process.pid
        assert is_alive(pid)
    assert not is_alive(pid)


def test_a_program_dies_with_the_thread_that_has_started_it() -> None:
    blocks = []
    started: list[Running] = []

    def start_and_die() -> None:
        block = running(["sleep", "60"], {})
        blocks.append(block)  # it is never left
        started.append(block.__enter__())

    thread = threading.Thread(target=start_and_die)
    thread.start()
    thread.join()
    assert started[0].process.wait(5) == -signal.SIGKILL


def test_its_last_words_are_kept() -> None:
    with running(["sh", "-c", "echo first >&2; echo last >&2; exit 3"], {}) as program:
        assert program.process.wait() == 3
        assert program.last_words() == "first\nlast"


def test_a_program_that_is_not_there_is_missing() -> None:
    with pytest.raises(ProgramMissingError), running(["/nowhere/pg_dump"], {}):
        pass


def test_it_says_its_version() -> None:
    assert Programs(postgres_folder()).version().startswith("pg_dump (PostgreSQL) 18")


def test_a_password_is_not_on_the_command_line() -> None:
    """Every user of the machine can read what stands there."""
    server = Server("postgresql://ann:s3cr%40t@127.0.0.1:5432/shop?sslmode=disable")
    target, environment = server.program_target("other")
    assert "s3cr" not in target
    assert environment["PGPASSWORD"] == "s3cr@t"
    assert "dbname=other" in target
    assert "sslmode=disable" in target


def test_a_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "of-the-environment")
    _, environment = Server("postgresql://ann@127.0.0.1:5432/shop").program_target("shop")
    assert environment["PGPASSWORD"] == "of-the-environment"
