from collections.abc import Callable, Iterator, Mapping

import pytest
from flask.testing import FlaskClient
from redis import Redis

from kata.servers.valkey import EmbeddedValkey
from throttler.app import create_app
from throttler.limiter import Algorithm
from throttler.redis_limiter import RedisLimiter
from throttler.settings import Settings

type LimiterWith = Callable[[Algorithm], RedisLimiter]
type LimiterAt = Callable[[str], RedisLimiter]
type ClientWith = Callable[[Mapping[str, object]], FlaskClient]


@pytest.fixture(scope="session")
def session_redis(redis_server: EmbeddedValkey) -> Iterator[Redis]:
    with Redis.from_url(redis_server.url, decode_responses=True) as redis:
        yield redis


@pytest.fixture
def redis(session_redis: Redis) -> Redis:
    session_redis.flushall()
    return session_redis


class PatientLimiter(RedisLimiter):
    """One that a busy machine does not drive into failover: for tests that are not about time."""

    def __init__(self, url: str, algorithm: Algorithm) -> None:
        super().__init__(url, algorithm, open_seconds=10, answer_seconds=10)

    def warm_up(self, _connections: int) -> None:
        """Do nothing: what it opens on the side would outlive the test."""


@pytest.fixture
def limiter_with(redis_url: str) -> Iterator[LimiterWith]:
    """Make a patient limiter with an algorithm."""
    made = []

    def make(algorithm: Algorithm) -> RedisLimiter:
        made.append(PatientLimiter(redis_url, algorithm))
        return made[-1]

    yield make
    for limiter in made:
        limiter.close()


@pytest.fixture
def limiter_at() -> Iterator[LimiterAt]:
    """Make a limiter, of ordinary patience, of a Redis with this URL."""
    made = []

    def make(url: str) -> RedisLimiter:
        made.append(RedisLimiter(url, Algorithm.FIXED_WINDOW))
        return made[-1]

    yield make
    for limiter in made:
        limiter.close()


@pytest.fixture
def client_with(redis_url: str, limiter_with: LimiterWith, monkeypatch: pytest.MonkeyPatch) -> ClientWith:
    """Make a client, whose address is 127.0.0.1, of an application with settings of its own."""
    monkeypatch.setattr("throttler.app.RedisLimiter", lambda _url, algorithm: limiter_with(algorithm))

    def make(own: Mapping[str, object]) -> FlaskClient:
        usual: dict[str, object] = {
            "port": 8000,
            "redis_url": redis_url,
            "limit": 3,
            "window_seconds": 3600,  # no test takes so long that it sees the end
            "log_level": "error",
        }
        return create_app(Settings.model_validate({**usual, **own})).test_client()

    return make
