import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from kata.errors import LaunchError
from kata.solution.process import ManagedProcess
from kata.system.child import KEPT_LINES, OnLine, describe_exit
from kata.system.processes import runs_in


class Run(Protocol):
    def __call__(
        self, command: str, on_line: OnLine | None = None, env: dict[str, str] | None = None
    ) -> ManagedProcess: ...


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start a shell command; it is gone after the test, whatever the test did to it."""
    started: list[ManagedProcess] = []

    def start(
        command: str, on_line: OnLine | None = None, env: dict[str, str] | None = None
    ) -> ManagedProcess:
        process = ManagedProcess("web.1", command, tmp_path, env or {"PATH": os.environ["PATH"]}, on_line)
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.kill()


def eventually(condition: Callable[[], bool], timeout_seconds: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.01)


def exists(pid: int) -> bool:
    """Tell whether a process runs; a zombie has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for_line(process: ManagedProcess, line: str) -> None:
    eventually(lambda: line in process.output())


def pid_printed_by(process: ManagedProcess) -> int:
    eventually(lambda: any(line.isdigit() for line in process.output()[:1]))
    return int(process.output()[0])


def test_the_exit_code_is_known_after_the_end_and_not_before(run: Run) -> None:
    process = run("read line; exit 3")  # stdin is empty, so that it ends at once
    assert process.wait(20) == 3
    assert (process.alive, process.exit_code, process.pid) == (False, 3, None)

    process = run("sleep 60")
    assert (process.alive, process.exit_code) == (True, None)
    assert process.wait(0.01) is None


def test_lines_of_both_streams_are_passed_on_with_the_name_and_kept(run: Run) -> None:
    seen: list[tuple[str, str]] = []
    process = run("echo one; echo two >&2; echo", lambda name, line: seen.append((name, line)))
    process.wait(20)
    assert seen == [("web.1", "one"), ("web.1", "two"), ("web.1", "")]
    assert process.output() == ["one", "two", ""]


def test_only_the_last_lines_are_kept(run: Run) -> None:
    process = run(f"seq {KEPT_LINES + 50}")
    process.wait(20)
    assert process.output() == [str(number) for number in range(51, KEPT_LINES + 51)]


def test_an_unfinished_line_is_shown_while_the_process_runs_and_passed_on_at_its_end(run: Run) -> None:
    seen: list[str] = []
    process = run("printf 'half a line'; exec sleep 60", lambda _, line: seen.append(line))
    wait_for_line(process, "half a line")
    assert seen == []
    process.kill()
    assert seen == ["half a line"]
    assert process.output() == ["half a line"]


def test_bytes_that_are_no_text_and_carriage_returns_are_survived(run: Run) -> None:
    process = run(r"printf 'caf\351 \377\r\nnext\n'")
    assert process.wait(20) == 0
    assert process.output() == ["caf\ufffd \ufffd", "next"]


def test_a_line_without_an_end_is_cut_and_not_collected_for_ever(run: Run) -> None:
    process = run("head -c 300000 /dev/zero | tr '\\0' x")
    process.wait(20)
    assert sum(len(line) for line in process.output()) == 300_000
    assert len(process.output()) > 1


def test_a_process_that_ends_at_sigterm_is_terminated_with_its_own_exit_code(run: Run) -> None:
    process = run("trap 'echo stopping; exit 7' TERM; echo up; while :; do sleep 0.05; done")
    wait_for_line(process, "up")
    assert process.terminate() == 7
    assert process.output()[-1] == "stopping"


def test_a_process_that_ignores_sigterm_is_killed_and_that_is_told(run: Run) -> None:
    process = run("trap '' TERM; echo up; while :; do sleep 0.05; done")
    wait_for_line(process, "up")
    assert process.terminate(timeout_seconds=0.3) is None
    assert process.exit_code == -signal.SIGKILL


def test_terminate_gives_the_children_of_a_shell_their_time_too(run: Run) -> None:
    worker = "trap 'sleep 0.3; echo finished; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    process = run(f'(sh -c "{worker}"; true) & wait')
    wait_for_line(process, "up")
    process.terminate()
    assert process.output()[-1] == "finished"


def test_terminate_reaches_a_paused_process(run: Run) -> None:
    process = run("trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done")
    wait_for_line(process, "up")
    process.pause()
    assert process.terminate() == 0


def test_terminate_after_the_end_returns_the_exit_code(run: Run) -> None:
    process = run("exit 4")
    process.wait(20)
    assert process.terminate() == 4


@pytest.mark.parametrize(
    ("stat", "runs"),
    [
        ("81 (sh) S 1 80 80 0", True),
        ("81 (a (b) Z 1 7) S 1 80 80 0", True),
        ("81 (sh) Z 1 80 80 0", False),
        ("81 (sh) S 1 79 80 0", False),
        (None, False),
    ],
)
def test_a_zombie_that_nobody_reaps_does_not_count_as_running(
    tmp_path: Path, stat: str | None, *, runs: bool
) -> None:
    if stat is not None:
        (tmp_path / "stat").write_text(stat)
    assert runs_in(tmp_path / "stat", 80) is runs


def test_kill_takes_the_whole_group_and_leaves_no_zombie(run: Run) -> None:
    process = run("sleep 60 & echo $!; wait")
    child, leader = pid_printed_by(process), process.pid
    process.kill()
    assert process.exit_code == -signal.SIGKILL
    eventually(lambda: not exists(child))
    assert not Path(f"/proc/{leader}").exists()


def test_what_a_dead_leader_leaves_behind_is_killed(run: Run) -> None:
    process = run("sleep 60 & echo $!; exit 1")
    assert process.wait(20) == 1
    child = pid_printed_by(process)
    eventually(lambda: not exists(child))


def test_a_daemon_that_keeps_the_output_open_does_not_hold_up_the_end(run: Run) -> None:
    process = run(
        "setsid sh -c 'echo $$; echo >up; exec sleep 60' & while [ ! -e up ]; do sleep 0.02; done; exit 2"
    )
    assert process.wait(20) == 2
    os.kill(pid_printed_by(process), signal.SIGKILL)


def test_pause_freezes_the_group_and_resume_lets_it_go_on(run: Run) -> None:
    process = run("echo up; while :; do :; done")
    wait_for_line(process, "up")
    process.pause()

    def state() -> str:
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    eventually(lambda: state() == "T")
    assert process.alive
    process.resume()
    eventually(lambda: state() != "T")


def test_it_can_be_started_again_and_keeps_its_earlier_output(run: Run) -> None:
    process = run("echo $$; exec sleep 60")
    first = pid_printed_by(process)
    with pytest.raises(LaunchError, match=r"web\.1 is already running"):
        process.start()
    process.kill()
    process.start()
    eventually(lambda: len(process.output()) == 2)
    assert process.alive
    assert process.exit_code is None
    assert process.output() == [str(first), str(process.pid)]


def test_no_thread_is_left_behind(run: Run) -> None:
    before = set(threading.enumerate())
    process = run("sleep 60")
    assert {thread.name for thread in set(threading.enumerate()) - before} == {"process-web.1"}
    process.kill()
    assert set(threading.enumerate()) <= before


def test_a_command_that_cannot_be_executed_is_one_clear_error(tmp_path: Path) -> None:
    process = ManagedProcess("web.1", "true", tmp_path / "missing", {})
    with pytest.raises(LaunchError, match=r"web\.1 could not be started: .*missing"):
        process.start()
    assert not process.alive
    process.kill()
    assert process.terminate() is None


def test_python_in_a_procfile_is_the_running_interpreter(run: Run) -> None:
    process = run("command -v python; echo $SETTING", env={"PATH": "/bin:/usr/bin", "SETTING": "given"})
    process.wait(20)
    assert process.output() == [str(Path(sys.executable).parent / "python"), "given"]


@pytest.mark.parametrize(("active", "first"), [("/home/me/venv", "/home/me/venv/bin"), (sys.prefix, None)])
def test_another_active_virtual_environment_comes_first(run: Run, active: str, first: str | None) -> None:
    path = f"{active}/bin:/bin"
    process = run("echo $PATH", env={"PATH": path, "VIRTUAL_ENV": active})
    process.wait(20)
    assert process.output()[0].split(":")[0] == (first or str(Path(sys.executable).parent))


ANCESTORS = """
import os
pid = os.getpid()
while pid > 1:
    print(pid)
    pid = int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
print("all")
"""


@pytest.mark.parametrize("platform_with_proc", ["linux"] if sys.platform == "linux" else [])
def test_nothing_above_it_tells_who_judges_it(run: Run, tmp_path: Path, platform_with_proc: str) -> None:
    assert platform_with_proc == sys.platform
    (tmp_path / "ancestors.py").write_text(ANCESTORS)
    process = run(f"{sys.executable} ancestors.py")
    wait_for_line(process, "all")
    own, starter = process.output()[:2]
    assert own != starter
    assert str(os.getpid()) not in process.output()


def test_ctrl_c_in_the_terminal_does_not_reach_it(run: Run) -> None:
    process = run("sleep 60")
    assert process.pid is not None
    assert os.getsid(process.pid) == process.pid
    assert os.getpgid(process.pid) == process.pid


LAUNCHER = """
import pathlib, sys, time
from kata.solution.process import ManagedProcess
process = ManagedProcess("web.1", "echo $$; exec sleep 600", pathlib.Path("/"), {"PATH": "/bin:/usr/bin"})
process.start()
while not process.output():
    time.sleep(0.01)
print(process.output()[0], flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    "command",
    [
        "sleep 600",
        "exec sleep 600",
        "A=1 B=$HOME sleep 600 2>&1",
        "cd / && exec sleep ${SECONDS_TO_SLEEP:-600}",
    ],
)
def test_the_shell_does_not_stand_between_us_and_a_single_command(run: Run, command: str) -> None:
    process = run(command)
    eventually(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n")


def test_settings_and_redirections_in_a_command_keep_their_meaning(run: Run) -> None:
    process = run("GREETING=hello WHO=$NAME env 2>&1", env={"PATH": "/bin:/usr/bin", "NAME": "you"})
    process.wait(20)
    assert {"GREETING=hello", "WHO=you"} <= set(process.output())


def test_a_line_of_several_commands_runs_them_all(run: Run) -> None:
    process = run("cd / && pwd; echo 'a; b' | cat & wait; export X=1; echo $X")
    process.wait(20)
    assert process.output() == ["/", "a; b", "1"]


@pytest.mark.parametrize("platform_with_pdeathsig", ["linux"] if sys.platform == "linux" else [])
def test_it_does_not_outlive_a_launcher_that_is_killed(platform_with_pdeathsig: str) -> None:
    assert platform_with_pdeathsig == sys.platform
    with subprocess.Popen([sys.executable, "-c", LAUNCHER], stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        child = int(launcher.stdout.readline())
        assert exists(child)
        launcher.kill()
    eventually(lambda: not exists(child))


def test_it_outlives_the_thread_that_started_it(run: Run) -> None:
    started: list[ManagedProcess] = []
    thread = threading.Thread(
        target=lambda: started.append(run("trap 'echo asked to stop' TERM; echo up; sleep 0.3"))
    )
    thread.start()
    thread.join()
    assert started[0].wait(20) == 0
    assert started[0].output() == ["up"]


@pytest.mark.parametrize(
    ("exit_code", "sentence"),
    [
        (None, "is still running"),
        (0, "exited with code 0"),
        (1, "exited with code 1"),
        (-9, "was killed by SIGKILL"),
        (-60, "was killed by signal 60"),
    ],
)
def test_an_exit_is_described_in_words(exit_code: int | None, sentence: str) -> None:
    assert describe_exit(exit_code) == sentence


def test_a_process_hears_ctrl_c_also_below_a_shell_s_background_job(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from kata.solution.process import ManagedProcess;"
        "p = ManagedProcess('web', 'cat /proc/self/status', Path('.'), {'PATH': '/usr/bin:/bin'});"
        "p.start(); p.wait(10); print(next(line for line in p.output() if line.startswith('SigIgn')))"
    )
    shell = f"trap '' INT; exec {sys.executable} -c \"{script}\""
    done = subprocess.run(["sh", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=True)
    ignored = int(done.stdout.split()[1], 16)
    assert not ignored >> (signal.SIGINT - 1) & 1
