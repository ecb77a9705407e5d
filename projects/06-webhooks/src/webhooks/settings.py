"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit import worker
from service_kit.settings import BearerToken, ServiceSettings
from service_kit.urls import PostgresUrl


class DatabaseSettings(BaseSettings):
    """What `migrate` reads."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    # Without repr: it may hold a password.
    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]


class Settings(DatabaseSettings):
    """What `web` and `worker` read. Both read all of it, so that a mistake stops both."""

    tolerance_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="How far a signed timestamp may be from the time of receipt, before or after",
        ),
    ] = 300.0
    max_attempts: Annotated[
        int, Field(ge=1, le=100, description="Attempts to forward an event in one round")
    ] = 8
    backoff_base_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="The bound of the first wait; it doubles with each attempt")
    ] = 5.0
    backoff_cap_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="The bound of any wait, not below the base")
    ] = 3600.0
    retry_after_cap_seconds: Annotated[
        float, Field(gt=0, le=604_800, description="How far a destination's Retry-After is obeyed at most")
    ] = 3600.0
    forward_timeout_seconds: Annotated[
        float, Field(gt=0, le=300, description="How long an attempt may take in all")
    ] = 10.0
    lease_seconds: Annotated[
        float,
        Field(
            ge=0.5,
            le=3600,
            description="How long a claim lasts; at least half a second longer than an attempt",
        ),
    ] = 15.0
    worker_concurrency: Annotated[
        int, Field(ge=1, le=1000, description="How many events a worker forwards at once")
    ] = 100
    quarantine_limit: Annotated[
        int, Field(ge=1, le=10_000, description="How many rejected deliveries of a source are kept")
    ] = 100
    payload_days: Annotated[
        float, Field(ge=1, le=365, description="How long payloads are kept, once their events are over")
    ] = 7.0
    key_days: Annotated[
        float,
        Field(ge=7, le=730, description="How long keys are known; not shorter than payloads are kept"),
    ] = 30.0
    allow_private_destinations: Annotated[
        bool,
        Field(
            description="Whether destinations may be at addresses that are not public: only for trying out,"
            " for whoever may make a source can then reach all that the workers can"
        ),
    ] = False

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.backoff_cap_seconds < self.backoff_base_seconds:
            raise ValueError("BACKOFF_CAP_SECONDS must not be less than BACKOFF_BASE_SECONDS")
        if self.lease_seconds < self.forward_timeout_seconds + 0.5:
            raise ValueError("LEASE_SECONDS must be half a second more than FORWARD_TIMEOUT_SECONDS")
        if self.key_days < self.payload_days:
            raise ValueError("KEY_DAYS must not be less than PAYLOAD_DAYS")
        return self


class WebSettings(ServiceSettings, Settings):
    """What `web` reads."""

    operator_token: Annotated[
        BearerToken,
        Field(
            description="What whoever runs the service shows to manage it;"
            " 16 to 256 letters, digits and `-._~+/`, `=` at the end"
        ),
    ]


class WorkerSettings(worker.WorkerSettings, Settings):
    """What `worker` reads."""
