"""The fixtures that every test of the repository has without an import."""

import httpx
import psycopg
import pytest
import redis

from kata.fixtures import FreePort, ProxyTo
from kata.network.callback_server import CallbackServer
from kata.servers.postgres import EmbeddedPostgres
from kata.servers.valkey import EmbeddedValkey
from kata.system.ports import HOST, is_free


@pytest.mark.parametrize("turn", [1, 2])
def test_the_shared_redis_is_empty_when_a_test_begins(
    redis_url: str, redis_server: EmbeddedValkey, turn: int
) -> None:
    assert redis_url == redis_server.url
    with redis.Redis.from_url(redis_url) as connection:
        assert connection.dbsize() == 0
        connection.set("turn", turn)


def test_a_redis_of_the_tests_own_may_be_killed(
    own_redis: EmbeddedValkey, redis_server: EmbeddedValkey
) -> None:
    own_redis.kill()
    assert (own_redis.alive, redis_server.alive) == (False, True)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_database(
    postgres_url: str, postgres_server: EmbeddedPostgres, turn: int
) -> None:
    assert postgres_url.startswith(postgres_server.url("test_"))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE turn_{turn} ()")
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (1,)


def test_a_proxy_leads_to_its_port_until_it_is_cut(
    redis_server: EmbeddedValkey, fault_proxy: ProxyTo
) -> None:
    proxy = fault_proxy(redis_server.port)
    with redis.Redis(HOST, proxy.port) as connection:
        assert connection.ping()
        proxy.cut()
        with pytest.raises(redis.ConnectionError):
            connection.ping()


def test_the_callback_server_remembers(callback_server: CallbackServer) -> None:
    assert httpx.post(callback_server.url("/hook"), trust_env=False).status_code == 204
    assert [request.method for request in callback_server.received("/hook")] == ["POST"]


def test_on_a_free_port_nobody_listens(free_port: FreePort) -> None:
    assert is_free(HOST, free_port())
