import asyncio

import pytest
from structlog.testing import capture_logs

from service_kit.cool_down import CoolDown

pytestmark = pytest.mark.anyio


class GoneError(Exception):
    """What this dependency's client raises."""


class Dependency:
    """Answers, fails or hangs, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_lost = False

    async def ask(self) -> str:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_lost:
            raise GoneError
        return "answer"

    async def hang(self) -> str:
        self.asked += 1
        await asyncio.sleep(3600)
        return "never"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dependency() -> Dependency:
    return Dependency()


@pytest.fixture
def cool_down(clock: Clock) -> CoolDown:
    return CoolDown("cache", (GoneError,), timeout_seconds=0.05, cool_down_seconds=1.0, clock=clock)


async def test_one_that_answers_is_asked_each_time(cool_down: CoolDown, dependency: Dependency) -> None:
    assert [await cool_down.call(dependency.ask, None) for _ in range(3)] == ["answer"] * 3
    assert dependency.asked == 3


async def test_one_that_failed_is_left_alone_for_a_moment(
    cool_down: CoolDown, dependency: Dependency, clock: Clock
) -> None:
    dependency.is_lost = True
    assert [await cool_down.call(dependency.ask, "else") for _ in range(3)] == ["else"] * 3
    assert dependency.asked == 1
    dependency.is_lost = False
    clock.now += 0.9
    assert await cool_down.call(dependency.ask, "else") == "else"
    clock.now += 0.1
    assert [await cool_down.call(dependency.ask, "else") for _ in range(2)] == ["answer"] * 2


async def test_one_that_is_silent_is_given_up(cool_down: CoolDown, dependency: Dependency) -> None:
    assert [await cool_down.call(dependency.hang, None) for _ in range(100)] == [None] * 100
    assert dependency.asked == 1


async def test_after_the_moment_one_caller_asks_and_no_other_waits_for_it(
    cool_down: CoolDown, dependency: Dependency, clock: Clock
) -> None:
    await cool_down.call(dependency.hang, None)
    clock.now += 1.0
    answers = await asyncio.gather(*(cool_down.call(dependency.hang, None) for _ in range(10)))
    assert answers == [None] * 10
    assert dependency.asked == 2


async def test_loss_and_return_are_logged_once(
    cool_down: CoolDown, dependency: Dependency, clock: Clock
) -> None:
    with capture_logs() as logged:
        for is_lost in (False, True, True, False, False):
            dependency.is_lost = is_lost
            await cool_down.call(dependency.ask, None)
            clock.now += 1.0
    assert [(line["event"], line["dependency"]) for line in logged] == [
        ("dependency lost", "cache"),
        ("dependency in use again", "cache"),
    ]
    assert logged[0]["reason"] == "GoneError"


async def test_a_mistake_of_the_caller_s_own_is_raised(cool_down: CoolDown, dependency: Dependency) -> None:
    async def divide() -> float:
        await dependency.ask()
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        await cool_down.call(divide, None)
    assert await cool_down.call(dependency.ask, None) == "answer"
