import asyncio
import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from service_kit.health import Readiness, report_async


def passes() -> None:
    pass


def fails() -> None:
    raise ConnectionError("cannot reach postgresql://app:hunter2@db")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_ready_when_every_check_passes() -> None:
    assert Readiness({"redis": passes, "database": passes}, 10).report() == (
        200,
        {"status": "ready", "checks": {"redis": "ok", "database": "ok"}},
    )


def test_ready_without_checks() -> None:
    assert Readiness({}, 10).report() == (200, {"status": "ready", "checks": {}})


def test_unavailable_while_one_is_down_and_nothing_is_leaked() -> None:
    with capture_logs() as logs:
        answer = Readiness({"redis": passes, "database": fails}, 10).report()
    assert answer == (503, {"status": "unavailable", "checks": {"redis": "ok", "database": "unavailable"}})
    assert [(line["dependency"], line["reason"]) for line in logs] == [("database", "ConnectionError")]
    assert "hunter2" not in repr(logs)


def test_a_check_that_hangs_is_not_waited_for(gate: threading.Event) -> None:
    def hangs() -> None:
        gate.wait()

    readiness = Readiness({"slow": hangs, "redis": passes}, 0.05)
    assert readiness.report() == (
        503,
        {"status": "unavailable", "checks": {"slow": "timeout", "redis": "ok"}},
    )


def test_a_check_that_hangs_is_not_started_again(gate: threading.Event) -> None:
    started = []

    def hangs() -> None:
        started.append(True)
        gate.wait()

    readiness = Readiness({"slow": hangs}, 0.05)
    for _ in range(5):
        readiness.report()
    assert len(started) == 1


def test_a_dependency_that_is_back_is_ready_again() -> None:
    answers = iter([fails, passes])

    def fails_once() -> None:
        next(answers)()

    readiness = Readiness({"redis": fails_once}, 10)
    assert [readiness.report()[0] for _ in range(2)] == [503, 200]


def test_checks_run_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=10)

    def meets() -> None:
        together.wait()

    readiness = Readiness({"a": meets, "b": meets}, 10)
    assert readiness.report()[0] == 200


async def passes_later() -> None:
    await asyncio.sleep(0)


async def fails_later() -> None:
    await asyncio.sleep(0)
    raise ConnectionError("postgresql://app:hunter2@db")


def test_coroutines_are_checked_alike() -> None:
    checks = {"redis": passes_later, "database": fails_later}
    assert asyncio.run(report_async(checks, 10)) == (
        503,
        {"status": "unavailable", "checks": {"redis": "ok", "database": "unavailable"}},
    )
    assert asyncio.run(report_async({}, 10))[0] == 200


def test_a_coroutine_that_hangs_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def run() -> object:
        answer = await report_async({"slow": hangs}, 0.05)
        async with asyncio.timeout(10):
            await cancelled.wait()
        return answer

    assert asyncio.run(run()) == (503, {"status": "unavailable", "checks": {"slow": "timeout"}})
