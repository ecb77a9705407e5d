"""What is special to Redis: its keys, its scripts, and that it may be away, restarted or a Cluster."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

import pytest
from redis import Redis, RedisCluster

from rate_limit import (
    Algorithm,
    FailureMode,
    Limiter,
    Policy,
    PolicyError,
    RedisStorage,
    StorageUnavailableError,
)
from redis_wire import RedisUrlError

HOUR = 3_600
BOUND_SECONDS = 0.2
"""For one decision: the time-out is 0.12 s, and the machine may be busy."""


class Server(Protocol):
    """A Redis that the test may kill."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...


def test_each_policy_has_a_key_that_lives_as_long_as_its_window(
    redis: Redis, shared: RedisStorage, algorithm: Algorithm
) -> None:
    Limiter(shared, Policy(1, 60, "a"), Policy(1, HOUR, "b"), algorithm=algorithm).hit("203.0.113.7")

    names = list(redis.scan_iter())
    assert {name: -(-redis.pttl(name) // 1_000) for name in names} == {
        f"{{rate:203.0.113.7}}:a:{algorithm}".encode(): 60,
        f"{{rate:203.0.113.7}}:b:{algorithm}".encode(): HOUR,
    }


def test_a_look_or_a_refusal_writes_nothing(redis: Redis, shared: RedisStorage, algorithm: Algorithm) -> None:
    limiter = Limiter(shared, Policy(5, HOUR), algorithm=algorithm)
    limiter.peek("key")
    limiter.hit("key", 6)
    limiter.hit("key", 0)
    assert redis.dbsize() == 0
    limiter.hit("key", 3)
    (name,) = redis.scan_iter()
    before = redis.dump(name), redis.pexpiretime(name)

    limiter.hit("key", 3)

    assert (redis.dump(name), redis.pexpiretime(name)) == before


@pytest.mark.parametrize("ttl_ms", [None, HOUR * 1_000 + 200, HOUR * 10_000])
def test_a_key_without_a_time_to_live_or_with_a_longer_one_gets_its_own(
    redis: Redis, shared: RedisStorage, algorithm: Algorithm, ttl_ms: int | None
) -> None:
    limiter = Limiter(shared, Policy(1, HOUR), algorithm=algorithm)
    limiter.hit("key")
    (name,) = redis.keys()
    redis.persist(name) if ttl_ms is None else redis.pexpire(name, ttl_ms)

    assert not limiter.hit("key")

    assert 0 < redis.pttl(name) <= HOUR * 1_000 + 1


def test_a_log_is_cut_to_what_still_counts(redis: Redis, shared: RedisStorage) -> None:
    limiter = Limiter(shared, Policy(20, 1), algorithm=Algorithm.SLIDING_WINDOW)
    for _ in range(15):
        limiter.hit("key")
        time.sleep(0.1)
    (name,) = redis.keys()

    assert redis.llen(name) <= 10


def test_a_huge_cost_is_one_entry_of_a_log(redis: Redis, shared: RedisStorage) -> None:
    Limiter(shared, Policy(10**6, HOUR), algorithm=Algorithm.SLIDING_WINDOW).hit("key", 10**6)
    (name,) = redis.scan_iter()

    assert redis.llen(name) == 1


def test_what_a_key_is_called_can_be_told(redis: Redis, redis_url: str) -> None:
    with closing(RedisStorage(redis_url, key_template="old:{key}")) as storage:
        Limiter(storage, Policy(1, 60)).hit("someone")

        assert redis.keys() == [b"old:someone"]
        with pytest.raises(PolicyError, match="policy"):
            Limiter(storage, Policy(1, 60, "a"), Policy(1, 60, "b"))


@pytest.mark.parametrize("template", ["rate", "{key}{key}", "{other}{key}", "{key"])
def test_a_template_that_is_none_is_refused(redis_url: str, template: str) -> None:
    with pytest.raises(PolicyError):
        Limiter(RedisStorage(redis_url, key_template=template), Policy(1, 60))


def test_clearing_all_leaves_the_keys_of_others(redis: Redis, shared: RedisStorage) -> None:
    redis.set("rate:not ours", 1)
    for number in range(3_000):
        redis.set(f"{{rate:{number}}}:default:fixed-window", 1)

    shared.clear_all()

    assert redis.keys() == [b"rate:not ours"]


def test_keys_without_a_start_of_their_own_cannot_all_be_cleared(redis_url: str) -> None:
    with pytest.raises(PolicyError):
        RedisStorage(redis_url, key_template="{key}:{policy}").clear_all()


def test_a_flushed_script_is_sent_again(redis: Redis, shared: RedisStorage, algorithm: Algorithm) -> None:
    limiter = Limiter(shared, Policy(2, HOUR), algorithm=algorithm)
    limiter.hit("key")
    redis.script_flush()

    assert limiter.hit("key").remaining == 0


def test_all_keys_of_a_decision_share_a_slot(cluster: RedisCluster, algorithm: Algorithm) -> None:
    policies = [Policy(limit, HOUR) for limit in (2, 3, 4)]
    storage = RedisStorage(cluster, failure_mode=FailureMode.CLOSED)
    limiter = Limiter(storage, *policies, algorithm=algorithm)
    for key in ("203.0.113.7", "", "}", "{}", "a{b}c", "}{"):
        assert [limiter.hit(key).admitted for _ in range(3)] == [True, True, False]
        limiter.clear(key)
        assert limiter.hit(key)
    storage.clear_all()
    assert limiter.peek("}").remaining == 2


@pytest.mark.parametrize("port_of", ["refused", "silent"])
def test_a_redis_that_is_away_costs_one_time_out_and_the_process_decides(
    silent_url: str, port_of: str
) -> None:
    changes: list[str | None] = []
    url = silent_url if port_of == "silent" else "redis://127.0.0.1:1"
    limiter = Limiter(RedisStorage(url, on_change=changes.append, cool_down_seconds=60), Policy(3, HOUR))

    times, decisions = [], []
    for _ in range(5):
        started = time.monotonic()
        decisions.append(limiter.hit("key").admitted)
        times.append(time.monotonic() - started)

    assert decisions == [True, True, True, False, False]
    assert max(times) < BOUND_SECONDS
    assert sum(times[1:]) < BOUND_SECONDS / 2  # the breaker is open
    assert len(changes) == 1


def test_when_open_everything_passes(silent_url: str) -> None:
    limiter = Limiter(RedisStorage(silent_url, failure_mode=FailureMode.OPEN), Policy(1, HOUR))

    assert [tuple(limiter.hit("key")) for _ in range(3)] == [(True, ())] * 3
    assert limiter.peek("key").remaining == 0


def test_when_closed_nobody_decides(silent_url: str) -> None:
    limiter = Limiter(RedisStorage(silent_url, failure_mode=FailureMode.CLOSED), Policy(1, HOUR))

    for _ in range(3):
        with pytest.raises(StorageUnavailableError):
            limiter.hit("key")


def test_clearing_says_so_when_redis_is_away(silent_url: str) -> None:
    limiter = Limiter(RedisStorage(silent_url), Policy(1, HOUR))

    with pytest.raises(StorageUnavailableError):
        limiter.clear("key")


def test_a_host_that_cannot_be_one_is_a_redis_that_is_away() -> None:
    limiter = Limiter(RedisStorage(f"redis://{'x' * 300}.example"), Policy(1, HOUR))

    assert limiter.hit("key")


def test_a_redis_that_falls_silent_in_the_middle(own_redis: Server) -> None:
    with (
        Redis.from_url(own_redis.url) as redis,
        closing(RedisStorage(own_redis.url, failure_mode=FailureMode.CLOSED)) as storage,
    ):
        limiter = Limiter(storage, Policy(9, HOUR))
        limiter.hit("key")
        redis.client_pause(5_000)
        started = time.monotonic()

        with pytest.raises(StorageUnavailableError):
            limiter.hit("key")

        assert time.monotonic() - started < BOUND_SECONDS


def test_a_restart_fails_no_request_of_an_idle_connection(own_redis: Server) -> None:
    changes: list[str | None] = []
    with closing(RedisStorage(own_redis.url, on_change=changes.append, timeout_seconds=10)) as storage:
        limiter = Limiter(storage, Policy(9, HOUR))
        limiter.hit("key")
        own_redis.kill()
        own_redis.start()
        time.sleep(0.11)  # a connection that was in use more recently is not checked

        assert limiter.hit("key").remaining == 8
        assert changes == []


def test_redis_is_in_use_again_after_the_cool_down(own_redis: Server) -> None:
    changes: list[str | None] = []
    with closing(RedisStorage(own_redis.url, on_change=changes.append, timeout_seconds=10)) as storage:
        limiter = Limiter(storage, Policy(3, HOUR))
        limiter.hit("key", 3)
        own_redis.kill()
        assert limiter.hit("key")  # the process starts from nothing
        own_redis.start()
        time.sleep(0.26)

        assert limiter.hit("key", 3).remaining == 0  # and so does a Redis that kept nothing
        assert [change is None for change in changes] == [False, True]


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(RedisUrlError, match="socket_timeout") as raised:
        RedisStorage("redis://:hidden@host?socket_timeout=3")
    assert "hidden" not in str(raised.value)


def test_password_and_database_of_the_url_are_used(own_redis: Server) -> None:
    with Redis.from_url(own_redis.url) as redis:
        redis.acl_setuser("limiter", enabled=True, passwords=["+se:cr@t"], keys=["*"], commands=["+@all"])
    address = own_redis.url.removeprefix("redis://").removesuffix("/0")
    changes: list[str | None] = []
    for password in ("se%3Acr%40t", "wrong"):
        url = f"redis://limiter:{password}@{address}/3"
        with closing(RedisStorage(url, on_change=changes.append, timeout_seconds=10)) as storage:
            assert Limiter(storage, Policy(1, HOUR)).hit("key")
    assert len(changes) == 1
    assert "WRONGPASS" in str(changes[0])
    with Redis.from_url(f"redis://{address}/3") as redis:
        assert redis.dbsize() == 1


FORKS = """
import os, sys
from rate_limit import Limiter, Policy, RedisStorage, FailureMode
storage = RedisStorage(sys.argv[1], failure_mode=FailureMode.CLOSED, timeout_seconds=10)
limiter = Limiter(storage, Policy(10_000, 3_600))
limiter.hit("parent and child")
child = os.fork()
name = "parent" if child else "child"
left = [limiter.hit(name).remaining for _ in range(500)]
assert left == list(range(9_999, 9_499, -1)), left
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_process_leaves_the_connections_to_its_parent(redis_url: str) -> None:
    subprocess.run([sys.executable, "-c", FORKS, redis_url], check=True, timeout=30)


FOREIGN: dict[str, Callable[[Redis, bytes], object]] = {
    "text": lambda redis, key: redis.set(key, "abc"),
    "a negative number": lambda redis, key: redis.set(key, "-5 -5"),
    "infinity": lambda redis, key: redis.set(key, "inf"),
    "a number beyond all": lambda redis, key: redis.set(key, "9" * 400),
    "bytes": lambda redis, key: redis.set(key, b"\xff\xfe"),
    "a list": lambda redis, key: redis.rpush(key, "abc", "1 2 3", "nan", "abc"),
    "a list that begins badly": lambda redis, key: redis.rpush(key, "abc", "1 2 3"),
    "a set": lambda redis, key: redis.sadd(key, "abc"),
    "a hash": lambda redis, key: redis.hset(key, "a", "b"),
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_others_have_put_under_a_key_makes_nobody_unlimited_and_redis_no_less_in_use(
    redis: Redis, shared: RedisStorage, algorithm: Algorithm, foreign: str
) -> None:
    limiter = Limiter(shared, Policy(3, HOUR), algorithm=algorithm)
    limiter.hit("key")
    (name,) = redis.scan_iter()
    redis.delete(name)
    FOREIGN[foreign](redis, name)
    for _ in range(3):
        limiter.hit("key")
    assert not limiter.hit("key")
    assert 0 < redis.pttl(name) <= HOUR * 1_000 + 1


def test_a_redis_that_answers_and_cannot_count_is_not_there(own_redis: Server) -> None:
    storage = RedisStorage(own_redis.url, timeout_seconds=10)
    with Redis.from_url(own_redis.url) as redis:
        storage.ping()
        redis.config_set("maxmemory", 1)
        assert redis.ping()
        with pytest.raises(StorageUnavailableError):
            storage.ping()
        redis.config_set("maxmemory", 0)
        storage.ping()
    storage.close()


def test_who_shortens_a_key_s_life_ends_its_window(redis: Redis, shared: RedisStorage) -> None:
    limiter = Limiter(shared, Policy(2, HOUR), algorithm=Algorithm.FIXED_WINDOW)
    limiter.hit("key")
    (name,) = redis.keys()
    redis.pexpire(name, 60_000)

    decision = limiter.hit("key")

    assert 59_000_000 < decision.standings[0].reset_us <= 60_000_000
    assert 59_000 < redis.pttl(name) <= 60_000
