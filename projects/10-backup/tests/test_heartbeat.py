import threading
import time

import pytest

from backup import heartbeat
from backup.errors import BackupError, ConnectionFailedError, RestoreFailedError
from backup.heartbeat import Heartbeat

SILENCE_SECONDS = 0.3


@pytest.fixture(autouse=True)
def _asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "ASK_EVERY_SECONDS", 0.02)


def wait_beside(asked: Heartbeat, seconds: float) -> BackupError | None:
    """Wait for something that fails once it is ended, and return what is raised."""
    ended = threading.Event()
    try:
        with asked.beside(ended.set):
            if ended.wait(seconds):
                raise RestoreFailedError("The server says: the connection was lost.")
    except BackupError as error:
        return error
    return None


def test_who_waits_for_a_silent_server_is_told_that_it_is_silent() -> None:
    error = wait_beside(Heartbeat(lambda: False, SILENCE_SECONDS), 10)
    assert isinstance(error, ConnectionFailedError)


def test_who_waits_for_a_server_that_answers_waits_on() -> None:
    assert wait_beside(Heartbeat(lambda: True, SILENCE_SECONDS), 3 * SILENCE_SECONDS) is None


def test_a_server_that_is_silent_now_and_then_is_not_silent() -> None:
    answers = iter([False, True] * 1000)
    assert wait_beside(Heartbeat(lambda: next(answers), SILENCE_SECONDS), 3 * SILENCE_SECONDS) is None


def test_what_fails_by_itself_keeps_its_own_error() -> None:
    with (
        pytest.raises(RestoreFailedError),
        Heartbeat(lambda: True, SILENCE_SECONDS).beside(lambda: None),
    ):
        raise RestoreFailedError("The server says: no.")


def test_nobody_is_asked_once_nobody_waits() -> None:
    assert wait_beside(Heartbeat(lambda: True, SILENCE_SECONDS), 0.1) is None
    deadline = time.monotonic() + 10
    while any(thread.name == "heartbeat" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "it is asked on and on"
        time.sleep(0.01)
