"""A fake solution for each verdict, with the exact report as the expectation."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kata.catalog.projects import Project
from kata.check import worlds as module
from kata.check.verification import verify_in_child
from kata.errors import KataError, LaunchError
from kata.options import Options
from kata.servers.databases import PostgresServer

type Solution = Callable[[*tuple[tuple[str, str], ...]], Path]
type Kata = Callable[[*tuple[object, ...]], tuple[object, str, str]]
type Verified = Callable[[Path, *tuple[object, ...]], tuple[object, str, str]]

SEED = "5eed"
PATIENCE_SECONDS = 120

# Places in the doubler's app.py, and what a fake has there.
TWICE = "number * 2}"
DOUBLES = "        result = {"
REMEMBERS = "    def remembered(self) -> dict[str, int]:\n"
SERVES = "    server.serve_forever()"
LOGS = "print(json.dumps(line), flush=True)"
SHORT_LOG = (LOGS, 'print("answered", line["status"], flush=True)')

# A process lets go of its connections in any order. Here the port goes first: its end is seen at once.
DIES = """\
print("out of numbers", flush=True)
                self.server.socket.close()
                os._exit(3)"""

# It stops the verifier for 0.3 s in the middle of a request. The pid is in a file: between them is a shell.
STALLS = """
def stall():
    while not os.path.exists("verifier.pid"):
        time.sleep(0.01)
    with open("verifier.pid") as file:
        verifier = int(file.read())
    os.kill(verifier, signal.SIGSTOP)
    time.sleep(0.3)
    os.kill(verifier, signal.SIGCONT)

class Doubler:
"""


@pytest.fixture
def verified(kata: Kata, doubler: Project) -> Verified:
    """Verify a folder as a doubler, check after check in the order of one seed; words stand for paths."""

    def verify(folder: Path, *arguments: object) -> tuple[object, str, str]:
        one_by_one = ("--seed", SEED, "--side-by-side", 1)
        code, out, err = kata("verify", doubler.path, "--dir", folder, *one_by_one, *arguments)
        named = out.replace(str(folder), "MINE").replace(str(doubler.path), "DOUBLER")
        return code, re.sub(r" curl .* http://[^/ ]+", " curl … MINE", named), err

    return verify


def test_a_sound_solution_passes(verified: Verified, solution: Solution) -> None:
    assert verified(solution(), "--step", "2") == (
        0,
        """\
verifying MINE against 00-doubler, seed 5eed
 ok C4   Numbers that are doubled at the same instant get an answer each (… s)
 ok C3   The last result is kept for its time, and then forgotten (… s)

00-doubler: 2 pass in … s, seed 5eed
""",
        "",
    )


def test_a_wrong_answer_fails(verified: Verified, solution: Solution) -> None:
    assert verified(solution((TWICE, "number * 3}")), "--only", "C1", "--only", "C2", "--only", "E1") == (
        1,
        """\
verifying MINE against 00-doubler, seed 5eed
 x  E1   A negative number is doubled too
 x  C1   A number is doubled
 -  C2   A number above the largest is refused

 x  E1   A negative number is doubled too
       expected    200 and twice -705
       got         200 {"number": -705, "double": -2115}
       timeline    +… 200 <- GET /api/v1/double/-705
       rule        GET /api/v1/double/{number} answers 200 with a negative number and its double  (README: Go
                   further)
       settings    KEEP_MILLISECONDS=350 LARGEST=2281
       request     curl … MINE/api/v1/double/-705
       replay      kata verify DOUBLER --dir MINE --seed 5eed --only E1
 x  C1   A number is doubled
       expected    200 and twice 100
       got         200 {"number": 100, "double": 300}
       timeline    +… 200 <- GET /api/v1/double/100
       rule        GET /api/v1/double/{number} answers 200 with the number and its double  (README: The
                   contract; made in step 1)
       settings    KEEP_MILLISECONDS=350 LARGEST=2281
       request     curl … MINE/api/v1/double/100
       replay      kata verify DOUBLER --dir MINE --seed 5eed --only C1
 -  C2   A number above the largest is refused
       because     C1 did not pass
00-doubler: 2 fail, 1 not run in … s, seed 5eed
""",
        "",
    )


def test_a_crash_at_the_start_shows_its_words(verified: Verified, solution: Solution) -> None:
    crashes = (SERVES, '    print("the numbers are missing")\n    sys.exit(1)')
    assert verified(solution(crashes, SHORT_LOG)) == (
        3,
        """\
verifying MINE against 00-doubler, seed 5eed

could not start MINE: web.2 exited with code 1 before it became ready
  | {"event": "started"}
  | the numbers are missing
""",
        "",
    )


def test_a_solution_that_is_never_ready_is_given_up(verified: Verified, solution: Solution) -> None:
    folder = solution()
    (folder / "Procfile").write_text("web: echo warming up; exec sleep 600\n")
    code, out, err = verified(folder, "--start-timeout", "1")
    # How often it was tried depends on how busy the machine is.
    assert (code, re.sub(r"web\.\d+ did", "web.2 did", out), err) == (
        3,
        """\
verifying MINE against 00-doubler, seed 5eed

could not start MINE: web.2 did not answer GET /ready with 200 within 1 s (last answer: connection refused)
  | warming up
""",
        "",
    )


def test_a_request_that_hangs_fails(verified: Verified, solution: Solution) -> None:
    hangs = (DOUBLES, "        time.sleep(600)\n" + DOUBLES)
    assert verified(solution(hangs), "--only", "C1") == (
        1,
        """\
verifying MINE against 00-doubler, seed 5eed
 x  C1   A number is doubled

 x  C1   A number is doubled
       expected    200 and twice 100
       got         no answer (no complete answer within 5 s)
       timeline    +… --- <- GET /api/v1/double/100
       rule        GET /api/v1/double/{number} answers 200 with the number and its double  (README: The
                   contract; made in step 1)
       settings    KEEP_MILLISECONDS=350 LARGEST=2281
       request     curl … MINE/api/v1/double/100
       replay      kata verify DOUBLER --dir MINE --seed 5eed --only C1
00-doubler: 1 fail in … s, seed 5eed
""",
        "",
    )


def test_a_process_that_dies_midway_is_named_with_its_last_words_and_started_again(
    verified: Verified, solution: Solution
) -> None:
    dies = solution(("return self.doubler.double(number)", DIES), SHORT_LOG)
    assert verified(dies, "--only", "C1", "--only", "S8", "--only", "E1") == (
        1,
        """\
verifying MINE against 00-doubler, seed 5eed
 ok S8   Its answers carry secure headers (… s)
 x  E1   A negative number is doubled too
 x  C1   A number is doubled

 x  E1   A negative number is doubled too
       expected    200 and twice -705
       got         no answer (connection closed without a complete answer)
       timeline    +… --- <- GET /api/v1/double/-705
       rule        GET /api/v1/double/{number} answers 200 with a negative number and its double  (README: Go
                   further)
       settings    KEEP_MILLISECONDS=350 LARGEST=2281
       because     web.1 exited with code 3
       request     curl … MINE/api/v1/double/-705
       replay      kata verify DOUBLER --dir MINE --seed 5eed --only E1
       | {"event": "started"}
       | answered 200
       | answered 200
       | answered 200
       | answered 200
       | answered 200
       | answered 200
       | answered 404
       | answered 404
       | answered 413
       | out of numbers
 x  C1   A number is doubled
       expected    200 and twice 100
       got         no answer (connection closed without a complete answer)
       timeline    +… --- <- GET /api/v1/double/100
       rule        GET /api/v1/double/{number} answers 200 with the number and its double  (README: The
                   contract; made in step 1)
       settings    KEEP_MILLISECONDS=350 LARGEST=2281
       because     web.2 exited with code 3
       request     curl … MINE/api/v1/double/100
       replay      kata verify DOUBLER --dir MINE --seed 5eed --only C1
       | {"event": "started"}
       | answered 200
       | out of numbers
00-doubler: 1 pass, 2 fail in … s, seed 5eed
""",
        "",
    )


def test_a_machine_too_slow_to_judge_is_tried_three_times_and_is_inconclusive(
    verified: Verified, solution: Solution
) -> None:
    slow = (REMEMBERS, REMEMBERS + "        time.sleep(0.75)\n        raise ProblemError(404)\n")
    assert verified(solution(slow), "--only", "C3") == (
        2,
        """\
verifying MINE against 00-doubler, seed 5eed
 ?  C3   The last result is kept for its time, and then forgotten

 ?  C3   The last result is kept for its time, and then forgotten
       because     the result's time was over before the answer came (tried 3 times)
00-doubler: 1 inconclusive in … s, seed 5eed
""",
        "",
    )


def test_a_stall_of_the_machine_excuses_what_depends_on_time_and_nothing_else(
    solution: Solution, doubler: Project, tmp_path: Path
) -> None:
    folder = solution(
        ("class Doubler:\n", STALLS),
        (REMEMBERS, REMEMBERS + "        stall()\n        return {}\n"),
        (DOUBLES, "        if number < 0:\n            stall()\n            return {}\n" + DOUBLES),
    )
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "kata", "verify", str(doubler.path), "--dir", str(folder)]
    command += ["--seed", SEED, "--side-by-side", "1", "--only", "C3", "--only", "E1", "--json", str(result)]
    verifier = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    (folder / "pid").write_text(str(verifier.pid))
    (folder / "pid").rename(folder / "verifier.pid")
    assert verifier.wait(PATIENCE_SECONDS) == 1
    checks = {check["id"]: check for check in json.loads(result.read_text())["checks"]}
    assert (checks["C3"]["verdict"], checks["C3"]["tries"]) == ("inconclusive", 3)
    assert re.fullmatch(r"the machine stood still for \d\.\d\d s while it was judged", checks["C3"]["reason"])
    assert (checks["E1"]["verdict"], checks["E1"]["tries"]) == ("fail", 1)


def test_a_folder_without_a_procfile_is_one_clear_line(verified: Verified, solution: Solution) -> None:
    folder = solution()
    (folder / "Procfile").unlink()
    assert verified(folder) == (
        3,
        """\
verifying MINE against 00-doubler, seed 5eed

could not start MINE: MINE has no Procfile; it needs a line `web: <the command that starts your server>`
""",
        "",
    )


@pytest.mark.parametrize("choice", [("--only", "C99"), ("--step", "9")])
def test_a_run_without_a_check_proves_nothing_and_says_so(
    verified: Verified, solution: Solution, choice: tuple[str, str]
) -> None:
    assert verified(solution(), *choice) == (
        4,
        "verifying MINE against 00-doubler, seed 5eed\n\n00-doubler: no check executed in … s, seed 5eed\n",
        "",
    )


def test_a_server_of_the_verifier_s_that_does_not_start_is_its_own_fault(
    verified: Verified, solution: Solution, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_redis(_project: Project, _options: Options, _postgres: PostgresServer | None) -> None:
        raise LaunchError("redis did not start")

    monkeypatch.setattr(module, "make_world", no_redis)
    code, _, err = verified(solution())
    assert (code, err) == (4, "kata: redis did not start\n")


def test_a_verification_in_a_child_that_breaks_says_what_it_said(
    doubler: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 4, "it tried\n", "kata: it broke\n")

    monkeypatch.setattr(subprocess, "run", breaks)
    with pytest.raises(KataError) as caught:
        verify_in_child(doubler, Options(directory=tmp_path, seed=SEED), tmp_path / "result.json")
    assert str(caught.value) == (f"the verifier broke on {tmp_path} (seed 5eed):\nit tried\nkata: it broke\n")


def test_a_verification_in_a_child_that_does_not_end_is_the_verifier_s_fault(
    doubler: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(command: list[str], timeout: float, **_options: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(KataError, match=r"^the verifier did not end within 600 s on .* \(seed 5eed\)$"):
        verify_in_child(doubler, Options(directory=tmp_path, seed=SEED), tmp_path / "result.json")
