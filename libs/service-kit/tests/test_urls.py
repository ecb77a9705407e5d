"""Each part of an address is known, or refused with a line that does not repeat it."""

import pytest
from pydantic import TypeAdapter, ValidationError

from service_kit.urls import PostgresUrl, RedisUrl


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:1/0",
        "redis://h",
        "redis://h/",
        "rediss://user:p%40ss@h:1/15",
        "redis://:p%23@[::1]:1/0",
        "redis://:a:b@h/0",
    ],
)
def test_an_address_of_redis(url: str) -> None:
    TypeAdapter(RedisUrl).validate_python(url)


@pytest.mark.parametrize(
    "url",
    [
        "nowhere",
        "redis://",
        "redis:///0",
        "redis:",
        "redis://:1/0",
        "redis://h:99999/0",
        "http://h/0",
        "redis://h/abc",
        "redis://h/0/1",
        "redis://h/-1",
        "redis://h?max_connections=1",
        "redis://h/0?foo=bar",
        "redis://h/0?",
        "redis://h/0#x",
        "redis://:hunter#2@h:1/0",
        "redis://:hunter/2@h:1/0",
        "redis://:hunter?2@h:1/0",
        "redis://:hunter%2@h:1/0",
        "redis://:hunter%00@h/0",
        "redis://:hunter%0A@h/0",
        "redis://:hunter%E4@h/0",
        "redis://h:0/0",
        "redis://a,b/0",
        "redis://%2Ftmp%2Fredis/0",
    ],
)
def test_no_address_of_redis(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(RedisUrl).validate_python(url)
    assert "hunter" not in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h:1/db",
        "postgres://h/db",
        "postgresql+psycopg://h/db",
        "postgresql://h/db?sslmode=verify-full&sslrootcert=/ca.pem",
        "postgresql://u:p%25@h/d%20b",
    ],
)
def test_an_address_of_postgresql(url: str) -> None:
    TypeAdapter(PostgresUrl).validate_python(url)


@pytest.mark.parametrize(
    "url",
    [
        "nowhere",
        "postgresql://",
        "postgresql://h",
        "postgresql://h/",
        "postgresql://h/a/b",
        "postgresql:///db",
        "postgresql://a,b/db",
        "postgresql+asyncpg://h/db",
        "mysql://h/db",
        "postgresql://h/db#x",
        "postgresql://h/db?options=-csearch_path%3Dx",
        "postgresql://h/db?connect_timeout=0",
        "postgresql://h/db?sslmode=maybe",
        "postgresql://h/db?sslmode=require&sslmode=disable",
        "postgresql://u:hunter#2@h/db",
        "postgresql://u:hunter/2@h/db",
        "postgresql://u:hunter?2@h/db",
        "postgresql://u:hunter%2@h/db",
        "postgresql://u:hunter%00@h/db",
        "postgresql://u:hunter%E4@h/db",
        "postgresql://h/d%00b",
        "postgresql://h:0/db",
        "postgresql://%2Fvar%2Frun/db",
    ],
)
def test_no_address_of_postgresql(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(PostgresUrl).validate_python(url)
    assert "hunter" not in refused.value.errors()[0]["msg"]
