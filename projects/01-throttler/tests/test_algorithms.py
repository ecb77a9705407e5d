"""Each algorithm, in Lua on a real server and in Python, against a slow model that remembers everything."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from importlib import resources
from math import ceil, floor
from time import monotonic
from typing import NamedTuple

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from redis import Redis

from throttler.limiter import MICROSECONDS, Algorithm, Budget, Decision, Policy, Standing
from throttler.local_limiter import LocalLimiter
from throttler.rate_limit_fields import whole_seconds

EPOCH_US = 1_795_000_000 * MICROSECONDS


class Spent(NamedTuple):
    at_us: int
    cost: int


class Model(ABC):
    """The definition of an algorithm, as plain as it can be, for one policy."""

    def __init__(self, policy: Policy) -> None:
        self.limit = policy.limit
        self.window_us = policy.window_seconds * MICROSECONDS
        self.log: list[Spent] = []

    @abstractmethod
    def standing(self, now_us: int, cost: int) -> Standing:
        """Where a client stands that wants to spend the cost; nothing is spent."""


class FixedWindowModel(Model):
    def standing(self, now_us: int, cost: int) -> Standing:
        opened_us, used = None, 0
        for spent in self.log:
            if opened_us is None or spent.at_us >= opened_us + self.window_us:
                opened_us, used = spent.at_us, 0
            used += spent.cost
        if opened_us is None or now_us >= opened_us + self.window_us:
            return Standing(self.limit, 0, 0)
        left_us = opened_us + self.window_us - now_us
        return Standing(self.limit - used, left_us, left_us if used + cost > self.limit else 0)


class SlidingWindowModel(Model):
    def standing(self, now_us: int, cost: int) -> Standing:
        units = [spent.at_us for spent in self.log for _ in range(spent.cost)]
        live = [at_us for at_us in units if at_us > now_us - self.window_us]
        free_in_us = [at_us + self.window_us - now_us for at_us in live]
        missing = len(live) + cost - self.limit
        return Standing(
            self.limit - len(live), min(free_in_us, default=0), free_in_us[missing - 1] if missing > 0 else 0
        )


class TokenBucketModel(Model):
    def standing(self, now_us: int, cost: int) -> Standing:
        interval_us = ceil(Fraction(self.window_us, self.limit))
        tokens, last_us = Fraction(self.limit), 0
        for spent in [*self.log, Spent(now_us, 0)]:
            tokens = (
                min(tokens + Fraction(spent.at_us - last_us, interval_us), Fraction(self.limit)) - spent.cost
            )
            last_us = spent.at_us
        to_next = ceil((floor(tokens) + 1 - tokens) * interval_us) if tokens < self.limit else 0
        return Standing(floor(tokens), to_next, max(ceil((cost - tokens) * interval_us), 0))


MODELS: dict[Algorithm, type[Model]] = {
    Algorithm.FIXED_WINDOW: FixedWindowModel,
    Algorithm.SLIDING_WINDOW: SlidingWindowModel,
    Algorithm.TOKEN_BUCKET: TokenBucketModel,
}


class ModelLimiter:
    """All policies of a budget admit a request, or it costs nothing."""

    def __init__(self, algorithm: Algorithm, policies: Sequence[Policy]) -> None:
        self.models = [MODELS[algorithm](policy) for policy in policies]

    def spend(self, now_us: int, cost: int) -> Decision:
        standings = [model.standing(now_us, cost) for model in self.models]
        admitted = not any(standing.retry_us for standing in standings)
        if admitted and cost:
            for model in self.models:
                model.log.append(Spent(now_us, cost))
            standings = [model.standing(now_us, 0) for model in self.models]
        return Decision(tuple(standings), admitted)


class Script:
    """A script of lua/ as its head documents it, with the test's clock in place of Redis's."""

    def __init__(self, redis: Redis, algorithm: Algorithm, policies: Sequence[Policy]) -> None:
        text = (resources.files("throttler") / f"lua/{algorithm.replace('-', '_')}.lua").read_text()
        if algorithm is not Algorithm.FIXED_WINDOW:
            assert text.count("redis.call('TIME')") == 1
            text = text.replace("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}")
        self.redis = redis
        self.policies = policies
        self.run = redis.register_script(text)
        self.keys = [f"rate:client:route:{policy.name}" for policy in policies]
        unit_us = 1000 if algorithm is Algorithm.FIXED_WINDOW else 1
        self.limits = [
            number for policy in policies for number in (policy.limit, policy.window_us // unit_us)
        ]

    def spend(self, now_us: int, cost: int) -> Decision:
        reply = self.run(self.keys, [cost, *self.limits, *divmod(now_us, MICROSECONDS)])
        assert isinstance(reply, list)
        standings = tuple(
            Standing(*(int(number) for number in reply[at : at + 3])) for at in range(0, len(reply), 3)
        )
        return Decision(standings, not any(standing.retry_us for standing in standings))

    def check_memory(self) -> None:
        """No key outlives its window, and none holds more than the limit."""
        for key, policy in zip(self.keys, self.policies, strict=True):
            if self.redis.exists(key):
                assert 0 < self.redis.pttl(key) <= policy.window_seconds * 1000 + 2
                assert self.redis.type(key) == "string" or self.redis.llen(key) <= policy.limit


class Clock:
    def __init__(self) -> None:
        self.now_us = EPOCH_US

    def __call__(self) -> int:
        return self.now_us


class Step(NamedTuple):
    """Time passes, in parts of the first policy's window, and then a request comes."""

    wait: Fraction
    extra_us: int
    cost: int


# A minute at least: keys live by the real clock, and must not expire while simulated hours pass.
WINDOWS_SECONDS = st.integers(60, 400)
LIMITS = st.integers(1, 9)
WAITS = st.sampled_from(
    [Fraction(0), Fraction(1, 9), Fraction(1, 7), Fraction(1, 2), Fraction(1), Fraction(2)]
)
STEPS = st.lists(
    st.builds(Step, WAITS, st.sampled_from([0, 0, -1, 1]), st.sampled_from([1, 1, 1, 2, 3, 0])),
    min_size=1,
    max_size=40,
)
POLICIES = st.lists(st.tuples(LIMITS, WINDOWS_SECONDS), min_size=1, max_size=3).map(
    lambda pairs: [Policy(f"policy-{n}", limit, window) for n, (limit, window) in enumerate(pairs)]
)
CHECKS = settings(max_examples=40, deadline=None)
# The cost of the last is free only when the youngest of the others is.
COSTLY_LAST = {
    "policies": [Policy("default", 3, 60)],
    "steps": [
        Step(Fraction(0), 0, 1),
        Step(Fraction(1, 9), 0, 1),
        Step(Fraction(1, 9), 0, 1),
        Step(Fraction(0), 0, 3),
    ],
}


def moments(steps: Sequence[Step], policies: Sequence[Policy]) -> list[tuple[int, int]]:
    """The time and cost of each request. A cost that never fits is refused at start, so it does not occur."""
    now_us, requests = EPOCH_US, []
    for step in steps:
        now_us += max(floor(step.wait * policies[0].window_us) + step.extra_us, 0)
        requests.append((now_us, min(step.cost, *(policy.limit for policy in policies))))
    return requests


@pytest.mark.parametrize("algorithm", Algorithm)
@given(policies=POLICIES, steps=STEPS)
@example(**COSTLY_LAST)
@CHECKS
def test_the_local_limiter_decides_as_the_model(
    algorithm: Algorithm, policies: list[Policy], steps: list[Step]
) -> None:
    clock = Clock()
    limiter = LocalLimiter(algorithm, clock_us=clock)
    model = ModelLimiter(algorithm, policies)
    budget = Budget("/route", tuple(policies))
    for clock.now_us, cost in moments(steps, policies):
        assert limiter.spend("client", budget, cost) == model.spend(clock.now_us, cost)


@pytest.mark.parametrize("algorithm", [Algorithm.SLIDING_WINDOW, Algorithm.TOKEN_BUCKET])
@given(policies=POLICIES, steps=STEPS)
@example(**COSTLY_LAST)
@CHECKS
def test_the_script_decides_as_the_model(
    session_redis: Redis, algorithm: Algorithm, policies: list[Policy], steps: list[Step]
) -> None:
    session_redis.flushall()
    script = Script(session_redis, algorithm, policies)
    model = ModelLimiter(algorithm, policies)
    for now_us, cost in moments(steps, policies):
        assert script.spend(now_us, cost) == model.spend(now_us, cost)
        script.check_memory()


@given(policies=POLICIES, steps=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3)), max_size=40))
@CHECKS
def test_the_fixed_window_script_decides_as_the_model(
    session_redis: Redis, policies: list[Policy], steps: list[tuple[int, int]]
) -> None:
    """Its clock is the TTL, so simulated seconds pass by shortening TTLs.

    All waits and windows are whole seconds, so the real time that the test takes changes no answer as long as
    it is less than a second in all: it can only close a window that is due, and seconds are rounded up.
    """
    session_redis.flushall()
    started = monotonic()
    script = Script(session_redis, Algorithm.FIXED_WINDOW, policies)
    model = ModelLimiter(Algorithm.FIXED_WINDOW, policies)
    now_us = EPOCH_US
    for wait_seconds, wanted_cost in steps:
        now_us += wait_seconds * MICROSECONDS
        cost = min(wanted_cost, *(policy.limit for policy in policies))
        for key in script.keys:
            if session_redis.exists(key):
                ends_ms = session_redis.pexpiretime(key)
                session_redis.pexpireat(key, ends_ms - wait_seconds * 1000)
        decision = script.spend(now_us, cost)
        assume(monotonic() - started < 0.9)
        assert in_seconds(decision) == in_seconds(model.spend(now_us, cost))
        script.check_memory()


def test_a_fixed_window_is_over_in_its_last_millisecond(session_redis: Redis) -> None:
    """At which Redis still has the key, with a TTL of 0, and the client has waited as long as it was told."""
    text = (resources.files("throttler") / "lua/fixed_window.lua").read_text()
    assert text.count("redis.call('PTTL', key)") == 1
    session_redis.set("rate:key", 5, px=60_000)
    script = session_redis.register_script(text.replace("redis.call('PTTL', key)", "0"))
    assert script(["rate:key"], [1, 5, 60_000]) == [4, 60_000_000, 0]
    assert session_redis.get("rate:key") == "1"


def in_seconds(decision: Decision) -> tuple[bool, list[tuple[int, int, int]]]:
    return decision.admitted, [
        (standing.remaining, whole_seconds(standing.reset_us), whole_seconds(standing.retry_us))
        for standing in decision.standings
    ]


@pytest.mark.parametrize("algorithm", Algorithm)
@given(limit=LIMITS, window_seconds=WINDOWS_SECONDS, steps=STEPS)
@CHECKS
def test_who_waits_as_told_gets_through_and_a_microsecond_less_is_too_little(
    algorithm: Algorithm, limit: int, window_seconds: int, steps: list[Step]
) -> None:
    clock = Clock()
    limiter = LocalLimiter(algorithm, clock_us=clock)
    policies = [Policy("default", limit, window_seconds)]
    budget = Budget("/route", tuple(policies))
    for now_us, cost in moments(steps, policies):
        clock.now_us = now_us
        decision = limiter.spend("client", budget, cost)
        if not decision.admitted:
            clock.now_us += decision.standings[0].retry_us - 1
            assert not limiter.spend("client", budget, cost).admitted
            clock.now_us += 1
            assert limiter.spend("client", budget, cost).admitted
            return


@pytest.mark.parametrize(
    ("algorithm", "times_the_limit"),
    [(Algorithm.FIXED_WINDOW, 2), (Algorithm.SLIDING_WINDOW, 1), (Algorithm.TOKEN_BUCKET, 2)],
)
@given(limit=LIMITS, window_seconds=WINDOWS_SECONDS, steps=STEPS)
@CHECKS
def test_no_window_holds_more_than_the_algorithm_promises(
    algorithm: Algorithm, times_the_limit: int, limit: int, window_seconds: int, steps: list[Step]
) -> None:
    clock = Clock()
    limiter = LocalLimiter(algorithm, clock_us=clock)
    policy = Policy("default", limit, window_seconds)
    budget = Budget("/route", (policy,))
    admitted = []
    for clock.now_us, cost in moments(steps, [policy]):
        if limiter.spend("client", budget, cost).admitted:
            admitted.append(Spent(clock.now_us, cost))
    for first in admitted:
        window = [spent for spent in admitted if 0 <= spent.at_us - first.at_us < policy.window_us]
        assert sum(spent.cost for spent in window) <= times_the_limit * limit


# A day back, as far as a window, a little, and forward again: in parts of the first policy's window.
JUMPS = st.sampled_from([Fraction(part) for part in (-1000, -2, -1, "-1/2", "-1/7", "1/2", 1)])
JUMPING = st.lists(st.one_of(STEPS, JUMPS.map(lambda jump: [Step(jump, 0, 1)])), min_size=2, max_size=12).map(
    lambda parts: [step for part in parts for step in part][:40]
)
CLOCKS = [Algorithm.SLIDING_WINDOW, Algorithm.TOKEN_BUCKET]


def jumping(steps: Sequence[Step], policies: Sequence[Policy]) -> list[tuple[int, int]]:
    now_us, requests = EPOCH_US, []
    for step in steps:
        now_us += floor(step.wait * policies[0].window_us) + step.extra_us
        requests.append((now_us, min(step.cost, *(policy.limit for policy in policies))))
    return requests


@pytest.mark.parametrize("algorithm", Algorithm)
@given(limit=LIMITS, window_seconds=WINDOWS_SECONDS, steps=JUMPING)
@CHECKS
def test_whatever_a_clock_does_nobody_is_told_to_wait_longer_than_a_window_and_the_wait_is_true(
    algorithm: Algorithm, limit: int, window_seconds: int, steps: list[Step]
) -> None:
    clock = Clock()
    limiter = LocalLimiter(algorithm, clock_us=clock)
    policies = [Policy("default", limit, window_seconds)]
    budget = Budget("/route", tuple(policies))
    for now_us, cost in jumping(steps, policies):
        clock.now_us = now_us
        standing = limiter.spend("client", budget, cost).standings[0]
        assert 0 <= standing.remaining <= limit
        assert max(standing.reset_us, standing.retry_us) <= policies[0].window_us + limit
        if standing.retry_us:
            clock.now_us += standing.retry_us
            assert limiter.spend("client", budget, cost).admitted
            return


@pytest.mark.parametrize("algorithm", CLOCKS)
@given(policies=POLICIES, steps=JUMPING)
@CHECKS
def test_the_script_decides_as_the_local_limiter_whatever_the_clock_does(
    session_redis: Redis, algorithm: Algorithm, policies: list[Policy], steps: list[Step]
) -> None:
    session_redis.flushall()
    script = Script(session_redis, algorithm, policies)
    clock = Clock()
    limiter = LocalLimiter(algorithm, clock_us=clock)
    budget = Budget("/route", tuple(policies))
    for clock.now_us, cost in jumping(steps, policies):
        assert script.spend(clock.now_us, cost) == limiter.spend("client", budget, cost)
        script.check_memory()


@pytest.mark.parametrize("algorithm", CLOCKS)
def test_a_clock_that_goes_back_costs_a_client_one_wait_and_not_the_whole_way(
    session_redis: Redis, algorithm: Algorithm
) -> None:
    session_redis.flushall()
    policy = Policy("default", 30, 60)
    script = Script(session_redis, algorithm, [policy])
    for _ in range(30):
        assert script.spend(EPOCH_US, 1).admitted
    back_us = EPOCH_US - 3_600 * MICROSECONDS
    refused = script.spend(back_us, 1)
    assert not refused.admitted
    assert script.spend(back_us + refused.standings[0].retry_us, 1).admitted
