import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
from redis import Redis

from kata.fixtures import ProxyTo
from kata.network.fault_proxy import FaultProxy
from kata.servers.valkey import EmbeddedValkey
from throttler.errors import LimiterUnavailableError
from throttler.limiter import Algorithm, Budget, Policy
from throttler.redis_limiter import ANSWER_SECONDS, OPEN_SECONDS, RedisLimiter

type LimiterWith = Callable[[Algorithm], RedisLimiter]
type LimiterAt = Callable[[str], RedisLimiter]

CLIENT = "192.0.2.1"
DEFAULT = Policy("default", 3, 60)
BURST = Policy("burst", 2, 10)

# A test's bound on "at once" or "in time": far above both, far below redis-py's own 5 s and more.
SOON_SECONDS = 2.0


@pytest.fixture(params=Algorithm)
def algorithm(request: pytest.FixtureRequest) -> Algorithm:
    chosen: Algorithm = request.param
    return chosen


@pytest.fixture
def proxy(redis_server: EmbeddedValkey, redis: Redis, fault_proxy: ProxyTo) -> FaultProxy:
    assert redis.ping()
    return fault_proxy(redis_server.port)


@contextmanager
def unavailable_in_time() -> Iterator[None]:
    started = time.monotonic()
    with pytest.raises(LimiterUnavailableError):
        yield
    assert time.monotonic() - started < SOON_SECONDS


def spend(limiter: RedisLimiter, budget: Budget) -> tuple[bool, list[int]]:
    decision = limiter.spend(CLIENT, budget, budget.cost)
    return decision.admitted, [standing.remaining for standing in decision.standings]


def test_the_fixed_window_of_the_default_policy_is_a_plain_counter_under_the_documented_key(
    redis: Redis, limiter_with: LimiterWith
) -> None:
    limiter = limiter_with(Algorithm.FIXED_WINDOW)
    budget = Budget("/api/v1/echo/{word}", (DEFAULT,))
    for _ in range(5):
        spend(limiter, budget)
    assert redis.keys() == ["rate:192.0.2.1:/api/v1/echo/{word}"]
    assert redis.get("rate:192.0.2.1:/api/v1/echo/{word}") == "3"


def test_policies_and_algorithms_never_share_a_key(redis: Redis, limiter_with: LimiterWith) -> None:
    budget = Budget("/route", (DEFAULT, BURST))
    for algorithm in Algorithm:
        spend(limiter_with(algorithm), budget)
    assert set(redis.keys()) == {
        "rate:192.0.2.1:/route",
        "rate:192.0.2.1:/route:burst",
        "rate:192.0.2.1:/route:sliding-window",
        "rate:192.0.2.1:/route:burst:sliding-window",
        "rate:192.0.2.1:/route:token-bucket",
        "rate:192.0.2.1:/route:burst:token-bucket",
    }


def test_clients_and_routes_have_budgets_of_their_own(
    algorithm: Algorithm, limiter_with: LimiterWith
) -> None:
    limiter = limiter_with(algorithm)
    one, other = Budget("/one", (Policy("default", 1, 60),)), Budget("/other", (Policy("default", 1, 60),))
    assert limiter.spend("192.0.2.1", one, 1).admitted
    assert not limiter.spend("192.0.2.1", one, 1).admitted
    assert limiter.spend("192.0.2.1", other, 1).admitted
    assert limiter.spend("192.0.2.2", one, 1).admitted


def test_every_key_has_a_ttl_of_at_most_the_window(
    redis: Redis, algorithm: Algorithm, limiter_with: LimiterWith
) -> None:
    limiter = limiter_with(algorithm)
    for _ in range(5):
        spend(limiter, Budget("/route", (DEFAULT, BURST)))
        assert all(0 < redis.pttl(key) <= 60_001 for key in redis.scan_iter())


@pytest.mark.parametrize("ttl_ms", [None, 60_200, 600_000])
def test_a_key_without_ttl_or_with_a_longer_one_gets_its_own_from_the_next_request(
    redis: Redis, algorithm: Algorithm, limiter_with: LimiterWith, ttl_ms: int | None
) -> None:
    """As it is left behind by whoever dies between INCR and EXPIRE, or when the window is made shorter."""
    limiter = limiter_with(algorithm)
    budget = Budget("/route", (DEFAULT,))
    for _ in range(3):
        assert spend(limiter, budget)[0]
    [key] = redis.keys()
    redis.persist(key) if ttl_ms is None else redis.pexpire(key, ttl_ms)
    assert not spend(limiter, budget)[0]
    assert 0 < redis.pttl(key) <= 60_001


def test_a_rejected_request_changes_neither_count_nor_ttl(
    redis: Redis, algorithm: Algorithm, limiter_with: LimiterWith
) -> None:
    limiter = limiter_with(algorithm)
    budget = Budget("/route", (DEFAULT,))
    for _ in range(3):
        spend(limiter, budget)
    [key] = map(str, redis.keys())
    value, expires = redis.dump(key), redis.pexpiretime(key)
    for _ in range(3):
        assert spend(limiter, budget) == (False, [0])
    assert redis.dump(key) == value
    assert redis.pexpiretime(key) == expires


def test_a_lowered_window_takes_effect_on_keys_that_live_longer(
    redis: Redis, limiter_with: LimiterWith
) -> None:
    limiter = limiter_with(Algorithm.FIXED_WINDOW)
    redis.set("rate:192.0.2.1:/route", 1, px=3_600_000)
    assert spend(limiter, Budget("/route", (DEFAULT,))) == (True, [1])
    assert redis.pttl("rate:192.0.2.1:/route") <= 60_000


def test_a_clock_that_is_set_back_does_not_ban_a_client(redis: Redis, limiter_with: LimiterWith) -> None:
    limiter = limiter_with(Algorithm.TOKEN_BUCKET)
    full_in_a_day_us = (int(time.time()) + 86_400) * 1_000_000
    redis.set("rate:192.0.2.1:/route:token-bucket", full_in_a_day_us, ex=86_400)
    decision = limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1)
    assert decision.standings[0].retry_us == 20_000_000  # one token of three in a minute


def test_a_policy_without_room_keeps_the_others_from_being_charged(
    algorithm: Algorithm, limiter_with: LimiterWith
) -> None:
    limiter = limiter_with(algorithm)
    budget = Budget("/route", (DEFAULT, BURST))
    assert [spend(limiter, budget) for _ in range(4)] == [
        (True, [2, 1]),
        (True, [1, 0]),
        (False, [1, 0]),
        (False, [1, 0]),
    ]


def test_a_cost_is_charged_whole_or_not_at_all(algorithm: Algorithm, limiter_with: LimiterWith) -> None:
    limiter = limiter_with(algorithm)
    costly, cheap = Budget("/route", (DEFAULT,), cost=2), Budget("/route", (DEFAULT,))
    assert spend(limiter, costly) == (True, [1])
    assert spend(limiter, costly) == (False, [1])
    assert spend(limiter, cheap) == (True, [0])


def test_looking_costs_nothing_and_leaves_nothing_behind(
    redis: Redis, algorithm: Algorithm, limiter_with: LimiterWith
) -> None:
    limiter = limiter_with(algorithm)
    budget = Budget("/route", (DEFAULT,))
    for _ in range(5):
        decision = limiter.spend(CLIENT, budget, 0)
        assert decision.admitted
        assert decision.standings == ((3, 0, 0),)
    assert redis.keys() == []


def test_a_decision_survives_a_forgotten_script(
    redis: Redis, algorithm: Algorithm, limiter_with: LimiterWith
) -> None:
    limiter = limiter_with(algorithm)
    budget = Budget("/route", (DEFAULT,))
    assert spend(limiter, budget) == (True, [2])
    redis.script_flush()
    assert spend(limiter, budget) == (True, [1])


def test_a_restarted_redis_costs_no_request_however_many_connections_there_were(
    own_redis: EmbeddedValkey, limiter_at: LimiterAt
) -> None:
    limiter = limiter_at(own_redis.url)
    limiter.warm_up(3)
    own_redis.kill()
    own_redis.start()
    assert spend(limiter, Budget("/route", (DEFAULT,))) == (True, [2])


def test_a_refused_connection_is_reported_in_time(proxy: FaultProxy, limiter_at: LimiterAt) -> None:
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}")
    with proxy.cut(), unavailable_in_time():
        limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1)


@pytest.mark.parametrize("connected_before", [True, False])
def test_a_silent_redis_is_reported_in_time(
    proxy: FaultProxy, connected_before: bool, limiter_at: LimiterAt
) -> None:
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}")
    if connected_before:
        limiter.ping()
    with proxy.black_hole(), unavailable_in_time():
        limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1)
    assert limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1).admitted


def test_an_answer_that_trickles_is_reported_in_time(proxy: FaultProxy, limiter_at: LimiterAt) -> None:
    """Each of its bytes comes well within the time-out."""
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}")
    limiter.ping()
    with proxy.trickle(0.6 * ANSWER_SECONDS), unavailable_in_time():
        limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1)
    assert limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1).admitted


def test_a_connection_that_is_reset_in_the_middle_is_reported_in_time(
    proxy: FaultProxy, limiter_at: LimiterAt
) -> None:
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}")
    with proxy.reset_after(20), unavailable_in_time():
        limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1)
    assert limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1).admitted


def test_a_conversation_ends_before_an_answer_is_due() -> None:
    assert OPEN_SECONDS + ANSWER_SECONDS < 0.2


def test_opening_a_connection_has_a_time_out_as_a_whole(proxy: FaultProxy, limiter_at: LimiterAt) -> None:
    """To select a database takes a round trip, for which an answer's time-out would be long enough."""
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}/1")
    with proxy.delay(0.6 * OPEN_SECONDS), unavailable_in_time():
        limiter.ping()


def test_a_slow_redis_that_has_lost_the_script_is_not_asked_twice(
    redis: Redis, proxy: FaultProxy, limiter_at: LimiterAt
) -> None:
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}")
    budget = Budget("/route", (DEFAULT,))
    spend(limiter, budget)
    redis.script_flush()
    with proxy.delay(0.6 * OPEN_SECONDS), unavailable_in_time():
        limiter.spend(CLIENT, budget, 1)
    assert spend(limiter, budget) == (True, [1])


def test_a_late_reply_is_not_taken_for_that_of_the_next_request(
    proxy: FaultProxy, limiter_at: LimiterAt
) -> None:
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}")
    mine, other = Budget("/mine", (Policy("default", 100, 60),)), Budget("/other", (DEFAULT,))
    limiter.spend(CLIENT, mine, 1)
    with proxy.delay(2 * ANSWER_SECONDS), unavailable_in_time():
        limiter.spend(CLIENT, mine, 1)
    assert spend(limiter, other) == (True, [2])


def test_a_name_look_up_that_hangs_does_not_hold_the_request_up(
    monkeypatch: pytest.MonkeyPatch, limiter_at: LimiterAt
) -> None:
    with ExitStack() as at_end:
        answered = threading.Event()
        at_end.callback(answered.set)

        def hang(*_: object) -> list[object]:
            answered.wait()
            raise socket.gaierror

        monkeypatch.setattr(socket, "getaddrinfo", hang)
        limiter = limiter_at("redis://redis.example:6379")
        with unavailable_in_time():
            limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1)


def test_a_name_that_cannot_be_one_is_a_failure_and_not_a_crash(limiter_at: LimiterAt) -> None:
    with unavailable_in_time():
        limiter_at(f"redis://{'x' * 64}.example:6379").ping()


FOREIGN: dict[str, Callable[[Redis, str], object]] = {
    "text": lambda redis, key: redis.set(key, "abc"),
    "a negative number": lambda redis, key: redis.set(key, -5),
    "a number with a zero": lambda redis, key: redis.set(key, "05"),
    "zeros": lambda redis, key: redis.set(key, "000"),
    "infinity": lambda redis, key: redis.set(key, "inf"),
    "a number beyond all": lambda redis, key: redis.set(key, "9" * 400),
    "bytes": lambda redis, key: redis.set(key, b"\xff\xfe"),
    "a list": lambda redis, key: redis.rpush(key, "abc", 1, "nan", "inf", "-1", "abc"),
    "a set": lambda redis, key: redis.sadd(key, "abc"),
    "a hash": lambda redis, key: redis.hset(key, "a", "b"),
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_others_have_put_under_a_key_makes_nobody_unlimited_and_redis_no_less_in_use(
    redis: Redis, algorithm: Algorithm, limiter_with: LimiterWith, foreign: str
) -> None:
    limiter = limiter_with(algorithm)
    budget = Budget("/route", (Policy("default", 3, 60),))
    spend(limiter, budget)
    [key] = map(str, redis.keys())
    redis.delete(key)
    FOREIGN[foreign](redis, key)
    for _ in range(3):
        decision = limiter.spend(CLIENT, budget, 1)
        assert all(0 <= number <= 60_000_000 for number in decision.standings[0])
    assert not limiter.spend(CLIENT, budget, 1).admitted
    assert 0 < redis.pttl(key) <= 60_001


@pytest.mark.parametrize("fault", ["read-only", "no right to scripts", "no right to write", "full"])
def test_a_redis_that_answers_and_cannot_count_is_not_ready_until_it_can(
    own_redis: EmbeddedValkey, algorithm: Algorithm, fault: str
) -> None:
    limiter = RedisLimiter(own_redis.url, algorithm)
    with closing(limiter), Redis.from_url(own_redis.url) as operator:
        limiter.ping()
        break_counting(operator, fault)
        assert operator.ping()
        for _ in range(3):
            with unavailable_in_time():
                limiter.ping()
        mend_counting(operator)
        limiter.ping()
        assert spend(limiter, Budget("/route", (DEFAULT,))) == (True, [2])


def test_a_full_redis_refuses_to_count_though_there_is_something_expired_to_cut_off(
    own_redis: EmbeddedValkey,
) -> None:
    limiter = RedisLimiter(own_redis.url, Algorithm.SLIDING_WINDOW)
    budget = Budget("/route", (DEFAULT,))
    with closing(limiter), Redis.from_url(own_redis.url) as operator:
        limiter.spend(CLIENT, budget, 1)
        [log] = operator.keys()
        operator.lpush(log, 1)  # of 1970
        break_counting(operator, "full")
        with unavailable_in_time():
            limiter.spend(CLIENT, budget, 1)
        mend_counting(operator)
        assert spend(limiter, budget) == (True, [1])
        assert operator.llen(log) == 2


def break_counting(operator: Redis, fault: str) -> None:
    if fault == "read-only":
        operator.replicaof("127.0.0.1", "1")
    elif fault == "full":
        operator.config_set("maxmemory", 1)
    else:
        right = "-@scripting" if fault == "no right to scripts" else "-@write"
        operator.acl_setuser("default", enabled=True, categories=[right])


def mend_counting(operator: Redis) -> None:
    operator.acl_setuser("default", enabled=True, categories=["+@all"])
    operator.config_set("maxmemory", 0)
    operator.replicaof("NO", "ONE")


def test_something_that_is_no_redis_is_a_failure_and_not_a_crash(limiter_at: LimiterAt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        limiter = limiter_at(f"redis://127.0.0.1:{server.getsockname()[1]}")

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"+HELLO\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        with unavailable_in_time():
            limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1)
        answering.join()


def test_ping_tells_whether_redis_answers(proxy: FaultProxy, limiter_at: LimiterAt) -> None:
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}")
    limiter.ping()
    with proxy.cut(), unavailable_in_time():
        limiter.ping()
    limiter.ping()


def test_connections_and_the_script_can_be_had_before_the_first_request(
    redis: Redis, proxy: FaultProxy, limiter_at: LimiterAt
) -> None:
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}")
    redis.script_flush()
    redis.config_resetstat()
    limiter.warm_up(3)
    wait_until(lambda: proxy.connections == 3)
    assert limiter.spend(CLIENT, Budget("/route", (DEFAULT,)), 1).admitted
    assert proxy.connections == 3
    assert "cmdstat_eval" not in redis.info("commandstats")


def test_warming_up_without_redis_is_no_error(proxy: FaultProxy, limiter_at: LimiterAt) -> None:
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}")
    with proxy.cut():
        limiter.warm_up(3)


def test_a_connection_that_comes_too_late_is_closed_and_not_left_open(
    proxy: FaultProxy, limiter_at: LimiterAt
) -> None:
    """To select a database takes a round trip, which a slow Redis does not finish in time."""
    limiter = limiter_at(f"redis://127.0.0.1:{proxy.port}/1")
    with proxy.delay(2 * ANSWER_SECONDS), unavailable_in_time():
        limiter.ping()
    wait_until(lambda: proxy.live_connections == 0)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
