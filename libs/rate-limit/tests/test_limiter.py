"""What a limiter promises over every storage and with every algorithm: the ideas of the tests of `limits`."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from rate_limit import (
    NEVER,
    Algorithm,
    Decision,
    Limiter,
    MemoryStorage,
    Policy,
    PolicyError,
    RedisStorage,
    Standing,
    parse_policies,
)

type MakeLimiter = Callable[[*tuple[Policy, ...]], Limiter]

HOUR = 3_600  # no test takes so long that it sees the end


def hits(limiter: Limiter, key: str, count: int) -> list[bool]:
    return [limiter.hit(key).admitted for _ in range(count)]


def test_as_many_as_the_limit_pass(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(3, HOUR))

    assert hits(limiter, key, 5) == [True, True, True, False, False]


def test_a_decision_is_true_when_the_request_may_pass(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(1, HOUR))

    assert limiter.hit(key)
    assert not limiter.hit(key)


def test_an_unused_key_has_its_whole_quota(limiter_of: MakeLimiter, key: str) -> None:
    standing = limiter_of(Policy(10, 2)).peek(key).standings[0]

    assert standing == (10, 0, 0)


def test_looking_costs_nothing(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(2, HOUR))

    assert limiter.hit(key)
    assert [limiter.peek(key).admitted for _ in range(5)] == [True] * 5
    assert limiter.hit(key)
    assert not limiter.peek(key)
    assert not limiter.hit(key)


def test_the_decision_counts_down(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(3, HOUR))

    assert [limiter.hit(key).remaining for _ in range(4)] == [2, 1, 0, 0]


@pytest.mark.parametrize("cost", [11, 10**6, 10**12])
def test_a_cost_above_the_limit_is_never_admitted(limiter_of: MakeLimiter, key: str, cost: int) -> None:
    limiter = limiter_of(Policy(10, HOUR))

    decision = limiter.hit(key, cost)

    assert not decision
    assert decision.standings[0].retry_us == NEVER
    assert decision.retry_after_seconds is None
    assert limiter.hit(key, 10)


def test_a_cost_is_charged_whole_or_not_at_all(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(10, HOUR))

    assert limiter.hit(key, 5).remaining == 5
    assert not limiter.hit(key, 6)
    assert limiter.hit(key, 5).remaining == 0


def test_a_cost_of_nothing_always_passes_and_leaves_no_trace(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(1, HOUR))

    assert limiter.hit(key, 0).standings[0] == (1, 0, 0)
    assert limiter.hit(key)
    assert limiter.hit(key, 0).remaining == 0


def test_a_cost_may_be_huge(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(1_000_000, 50_000 * HOUR))  # gcra gives one back in 3 minutes

    assert limiter.hit(key, 1_000_000)
    assert not limiter.hit(key, 2)
    limiter.clear(key)
    assert limiter.hit(key)


def test_a_cost_below_zero_is_refused(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(1, HOUR))

    with pytest.raises(PolicyError):
        limiter.hit(key, -1)
    with pytest.raises(PolicyError):
        limiter.peek(key, -1)


def test_clearing_gives_one_key_its_quota_back(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(Policy(1, HOUR, "a"), Policy(2, HOUR, "b"))
    hits(limiter, "cleared", 1)
    hits(limiter, "other", 1)

    limiter.clear("cleared")

    assert [standing.remaining for standing in limiter.peek("cleared").standings] == [1, 2]
    assert not limiter.hit("other")


def test_clearing_all_gives_every_key_its_quota_back(
    storage: MemoryStorage | RedisStorage, limiter_of: MakeLimiter
) -> None:
    limiter = limiter_of(Policy(1, HOUR, "a"), Policy(2, HOUR, "b"))
    keys = [f"key [{number}]*?" for number in range(20)]
    for key in keys:
        hits(limiter, key, 1)

    storage.clear_all()

    assert [limiter.peek(key).remaining for key in keys] == [1] * 20


def test_one_policy_without_room_charges_none(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(2, HOUR, "strict"), Policy(10, HOUR, "wide"))

    assert hits(limiter, key, 4) == [True, True, False, False]
    decision = limiter.peek(key)
    assert [standing.remaining for standing in decision.standings] == [0, 8]
    assert [bool(standing.retry_us) for standing in decision.standings] == [True, False]


def test_limiters_share_the_counts_of_a_policy_by_its_name(limiter_of: MakeLimiter, key: str) -> None:
    one, other, stranger = [limiter_of(Policy(2, HOUR, name)) for name in ("api", "api", "login")]
    one.hit(key)

    assert other.hit(key).remaining == 0
    assert stranger.hit(key).remaining == 1


@pytest.mark.parametrize(
    "odd",
    [
        "2001:db8::1", "a b\tc\nd", "ключ-鍵-🔑", "a{b}c", "}", "{}", "{", "", "%7D", "\r\n$3\r\nfoo", "*",
        "x" * 10_000,
        "\udcff", "a\0b",
    ],
)  # fmt: skip
def test_any_text_is_a_key_of_its_own(limiter_of: MakeLimiter, odd: str) -> None:
    limiter = limiter_of(Policy(1, HOUR, "a"), Policy(5, HOUR, "b"))

    assert hits(limiter, odd, 2) == [True, False]
    assert limiter.hit(odd + "'")
    limiter.clear(odd)
    assert limiter.hit(odd)


@pytest.mark.parametrize("years", [1, 10])
def test_long_windows(limiter_of: MakeLimiter, key: str, years: int) -> None:
    window = years * 366 * 86_400
    limiter = limiter_of(Policy(1, window))

    assert limiter.hit(key)
    decision = limiter.hit(key)
    assert not decision
    assert decision.retry_after_seconds is not None
    assert window - 60 <= decision.retry_after_seconds <= window


def test_the_quota_is_whole_again_when_the_decision_says_so(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(4, 1))
    assert limiter.hit(key, 4)
    refused = limiter.hit(key, 4)
    assert not refused

    time.sleep(max(refused.standings[0].retry_us, 0) / 1_000_000)

    assert limiter.hit(key, 4)


def test_threads_get_as_much_as_the_limit(limiter_of: MakeLimiter, key: str) -> None:
    limiter = limiter_of(Policy(100, HOUR), Policy(150, HOUR))
    start = threading.Barrier(20)

    def many(_: int) -> int:
        start.wait()
        return sum(limiter.hit(key).admitted for _ in range(20))

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(many, range(20))) == 100


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((0, 60), "limit"),
        ((10**9 + 1, 60), "limit"),
        ((1, 0), "window"),
        ((1, 10**9), "window"),
        ((1, 60, 'a"b'), "name"),
        ((1, 60, "a:b"), "name"),
        ((1, 60, "x" * 65), "name"),
    ],
)
def test_what_cannot_be_a_policy_is_refused(arguments: tuple[int, int], reason: str) -> None:
    with pytest.raises(PolicyError, match=reason):
        Policy(*arguments)


def test_what_cannot_be_a_limiter_is_refused() -> None:
    storage = MemoryStorage()
    with pytest.raises(PolicyError, match="at least one"):
        Limiter(storage)
    with pytest.raises(PolicyError, match="different names"):
        Limiter(storage, Policy(1, 1, "a"), Policy(2, 2, "a"))
    with pytest.raises(PolicyError, match="microsecond"):
        Limiter(storage, Policy(1_000_001, 1), algorithm=Algorithm.GCRA)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10/minute", [(10, 60)]),
        ("1 per second", [(1, 1)]),
        ("100 per 2 hours", [(100, 7_200)]),
        ("5/second; 1000 per day", [(5, 1), (1000, 86_400)]),
        ("5 / 10 seconds, 1/YEAR|3/month", [(5, 10), (1, 31_104_000), (3, 2_592_000)]),
    ],
)
def test_limits_are_read_as_in_limits(text: str, expected: list[tuple[int, int]]) -> None:
    assert [(policy.limit, policy.window_seconds) for policy in parse_policies(text)] == expected


@pytest.mark.parametrize(
    "text", ["", "10", "10/fortnight", "ten/minute", "10/minute;", "1 per", "-1/second", "1 persecond"]
)
def test_what_is_no_limit_is_named(text: str) -> None:
    with pytest.raises(PolicyError, match="not a limit"):
        parse_policies(text)


def test_a_policy_is_called_after_its_numbers() -> None:
    assert [policy.name for policy in parse_policies("10/minute; 100/hour")] == [
        "10-per-60s",
        "100-per-3600s",
    ]


def test_the_longest_wait_counts() -> None:
    decision = Decision(admitted=False, standings=(Standing(0, 5, 1_000_001), Standing(3, 7, 0)))

    assert decision.retry_after_seconds == 2
