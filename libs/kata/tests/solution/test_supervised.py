from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kata.network.client import Client
from kata.solution.procfile_target import ProcfileTarget
from kata.solution.readiness import wait_until_ready
from kata.solution.supervised import SupervisedProcess

type Solution = Callable[[*tuple[tuple[str, str], ...]], Path]

PATIENCE_SECONDS = 30.0
ENVIRONMENT = {"LARGEST": "9", "KEEP_MILLISECONDS": "9"}
DIES = ('case ["", "docs"]:', 'case ["", "die"]: os._exit(7)\n            case ["", "docs"]:')


@pytest.fixture
def web(solution: Solution) -> Iterator[SupervisedProcess]:
    """A doubler that can be told to die."""
    target = ProcfileTarget(solution(DIES))
    instance = SupervisedProcess(target.start("web", ENVIRONMENT))
    wait_until_ready(instance)
    yield instance
    target.close()


def die(web: SupervisedProcess) -> None:
    with Client(str(web.url)) as client:
        assert client.get("/die").status == 0


def test_a_process_that_runs_has_not_died(web: SupervisedProcess) -> None:
    assert (web.has_died(), web.alive, web.exit_code) == (False, True, None)


def test_a_process_that_ended_by_itself_has_died_as_soon_as_its_clients_know(web: SupervisedProcess) -> None:
    die(web)
    assert (web.has_died(PATIENCE_SECONDS), web.exit_code) == (True, 7)


@pytest.mark.parametrize("end", [SupervisedProcess.kill, SupervisedProcess.terminate])
def test_a_process_that_the_verifier_ended_has_not_died(
    web: SupervisedProcess, end: Callable[[SupervisedProcess], object]
) -> None:
    end(web)
    assert (web.has_died(), web.alive) == (False, False)


def test_to_end_what_is_dead_already_does_not_hide_that_it_died(web: SupervisedProcess) -> None:
    die(web)
    assert web.has_died(PATIENCE_SECONDS)
    web.kill()
    assert web.has_died()


def test_a_process_that_is_started_again_may_die_again(web: SupervisedProcess) -> None:
    web.kill()
    web.restart()
    wait_until_ready(web)
    assert not web.has_died()
    die(web)
    assert web.has_died(PATIENCE_SECONDS)


def test_a_frozen_process_has_not_died(web: SupervisedProcess) -> None:
    web.pause()
    assert not web.has_died()
    web.resume()


def test_the_rest_is_the_process_s_own(web: SupervisedProcess) -> None:
    assert (web.name, web.output()) == ("web.1", web.output())
    assert '{"event": "started"}' in web.output()
