"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from reminders.signatures import signing_key
from service_kit import worker
from service_kit.settings import ServiceSettings
from service_kit.urls import PostgresUrl, RedisUrl


def well_formed(secret: SecretStr) -> SecretStr:
    signing_key(secret.get_secret_value())
    return secret


class DatabaseSettings(BaseSettings):
    """What `migrate` reads."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    # Without repr: it may hold a password.
    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]


class Settings(DatabaseSettings):
    """What `web` and `worker` read. Both read all of it, so that a mistake stops both."""

    redis_url: Annotated[RedisUrl, Field(repr=False, description="Where Redis is")]
    max_attempts: Annotated[int, Field(ge=1, le=100, description="Attempts in one occurrence")] = 8
    # Eight attempts wait at most 5 + 10 + ... + 320 s, and half of that on average: some five minutes.
    backoff_base_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="The bound of the first wait; it doubles with each attempt")
    ] = 5.0
    backoff_cap_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="The bound of any wait, not below the base")
    ] = 3600.0
    retry_after_cap_seconds: Annotated[
        float, Field(gt=0, le=604_800, description="How far a receiver's Retry-After is obeyed at most")
    ] = 3600.0
    lease_seconds: Annotated[
        float, Field(ge=0.5, le=3600, description="How long a claim lasts without renewal")
    ] = 30.0
    delivery_timeout_seconds: Annotated[
        float, Field(gt=0, le=300, description="How long an attempt may take in all")
    ] = 10.0
    worker_concurrency: Annotated[
        int, Field(ge=1, le=1000, description="How many deliveries a worker makes at once")
    ] = 100
    allow_private_callbacks: Annotated[
        bool,
        Field(
            description="Whether callbacks may lead to addresses that are not public: only for trying out,"
            " for whoever may make a reminder can then reach all that the workers can"
        ),
    ] = False
    message_limit: Annotated[
        int, Field(ge=1, le=100_000, description="The longest message in characters (code points)")
    ] = 4096
    signing_secret: Annotated[
        Annotated[SecretStr, AfterValidator(well_formed)] | None,
        Field(
            description="Signs deliveries (Standard Webhooks): whsec_ and the base64 of 24 to 64 random bytes"
        ),
    ] = None

    @model_validator(mode="after")
    def _cap_not_below_base(self) -> Self:
        if self.backoff_cap_seconds < self.backoff_base_seconds:
            raise ValueError("BACKOFF_CAP_SECONDS must not be less than BACKOFF_BASE_SECONDS")
        return self

    @property
    def signing_key(self) -> bytes | None:
        return signing_key(self.signing_secret.get_secret_value()) if self.signing_secret else None


class WebSettings(ServiceSettings, Settings):
    """What `web` reads."""


class WorkerSettings(worker.WorkerSettings, Settings):
    """What `worker` reads."""
