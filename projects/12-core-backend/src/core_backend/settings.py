"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from typing import Annotated

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit import worker
from service_kit.settings import ServiceSettings
from service_kit.urls import PostgresUrl, RedisUrl


class Database(BaseSettings):
    """What every process reads. Without repr: an address may hold a password."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]


class Settings(ServiceSettings, Database):
    """What `web` reads."""

    redis_url: Annotated[RedisUrl, Field(repr=False, description="Where Redis is")]
    jwt_secret: Annotated[
        SecretStr, Field(min_length=32, max_length=512, description="Signs access tokens; secret")
    ]
    access_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="How long an access token is good for")
    ] = 900
    refresh_seconds: Annotated[
        int, Field(ge=1, le=31_536_000, description="How long a refresh token is good for")
    ] = 2_592_000
    cache_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="How long a resource may be answered from Redis")
    ] = 60
    auth_limit: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="Requests below /api/v1/auth from an address in AUTH_WINDOW_SECONDS",
        ),
    ] = 20
    auth_window_seconds: Annotated[int, Field(ge=1, le=86_400, description="The window of AUTH_LIMIT")] = 60


class WorkerSettings(worker.WorkerSettings, Database):
    """What `worker` reads."""

    welcome_url: Annotated[
        HttpUrl | None,
        Field(repr=False, description="Who is told of each new user, by POST; without it the log is"),
    ] = None
    max_attempts: Annotated[
        int, Field(ge=1, le=100, description="How often a job is tried before it is dead")
    ] = 5
    retry_seconds: Annotated[
        float,
        Field(gt=0, le=3600, description="How long the first failed job waits; each next one twice as long"),
    ] = 5.0
    lease_seconds: Annotated[
        float,
        Field(ge=1, le=3600, description="How long a worker may hold a job before another one takes it"),
    ] = 30.0
