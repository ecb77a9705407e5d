"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

import base64
import binascii
from typing import Annotated, Self

from pydantic import (
    AnyUrl,
    Field,
    PostgresDsn,
    RedisDsn,
    SecretStr,
    UrlConstraints,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from reminders.backoff import Backoff
from service_kit.settings import LogLevel, ServiceSettings

SmtpUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["smtp", "smtps"])]
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of every such secret
SECRET_BYTES = range(24, 65)
"""Standard Webhooks: a signing secret has 24 to 64 random bytes."""


class DatabaseSettings(BaseSettings):
    """What `migrate` reads."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: Annotated[PostgresDsn, Field(repr=False)]  # it may hold a password


class Settings(DatabaseSettings):
    """What `web` and `worker` read. Both read all of it, so that a mistake stops both."""

    redis_url: Annotated[RedisDsn, Field(repr=False)]
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 8
    # Eight attempts wait at most 5 + 10 + ... + 320 s, and half of that on average: some five minutes.
    backoff_base_seconds: Annotated[float, Field(gt=0, le=86_400)] = 5.0
    backoff_cap_seconds: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    retry_after_cap_seconds: Annotated[float, Field(gt=0, le=604_800)] = 3600.0
    lease_seconds: Annotated[float, Field(ge=0.5, le=3600)] = 30.0
    delivery_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    worker_concurrency: Annotated[int, Field(ge=1, le=1000)] = 100
    allow_private_callbacks: bool = False
    message_limit: Annotated[int, Field(ge=1, le=100_000)] = 4096  # characters
    signing_secret: SecretStr | None = None
    smtp_url: Annotated[SmtpUrl | None, Field(repr=False)] = None
    smtp_from: str = "reminders@localhost"

    @model_validator(mode="after")
    def _cap_not_below_base(self) -> Self:
        if self.backoff_cap_seconds < self.backoff_base_seconds:
            raise ValueError("BACKOFF_CAP_SECONDS must not be less than BACKOFF_BASE_SECONDS")
        return self

    @field_validator("signing_secret")
    @classmethod
    def _well_formed(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(signing_key(secret)) not in SECRET_BYTES:
            raise ValueError("must be whsec_ and the base64 of 24 to 64 bytes")
        return secret

    @property
    def signing_key(self) -> bytes | None:
        return signing_key(self.signing_secret) if self.signing_secret else None

    @property
    def backoff(self) -> Backoff:
        return Backoff(
            self.backoff_base_seconds,
            self.backoff_cap_seconds,
            self.retry_after_cap_seconds,
            self.max_attempts,
        )


class WebSettings(ServiceSettings, Settings):
    """What `web` reads."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)


class WorkerSettings(Settings):
    """What `worker` reads: it listens on no port."""

    log_level: LogLevel = "info"
    # Below the 10 s that a supervisor waits between SIGTERM and SIGKILL.
    shutdown_timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 8


def signing_key(secret: SecretStr) -> bytes:
    """Return the bytes that a `whsec_` secret stands for; none if it is not one."""
    prefix, _, encoded = secret.get_secret_value().partition("_")
    if f"{prefix}_" != SECRET_PREFIX:
        return b""
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return b""
