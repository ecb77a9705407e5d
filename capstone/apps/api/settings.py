"""What the API reads from its environment. Each field is the variable of the same name."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from apps.environment import Environment
from service_kit.settings import BearerToken, ServiceSettings
from service_kit.tracers import TracingSettings
from service_kit.urls import PostgresUrl, RedisUrl

APP_ROLE = "capstone_app"


def check_seed(seed: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", seed.get_secret_value()):
        raise ValueError("it is 64 hexadecimal digits, as `openssl rand -hex 32` makes them")
    return seed


def check_folder(path: Path) -> Path:
    if not path.is_absolute() or (path.exists() and not path.is_dir()):
        raise ValueError("it is the absolute path of a folder")
    return path


def check_origins(text: str) -> str:
    for origin in text.split(",") if text else []:
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin):
            raise ValueError("it is origins such as https://app.example.com, with commas between")
    return text


class Stores(Environment):
    """What every process reads. Without repr: an address may hold a password."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]
    redis_url: Annotated[RedisUrl, Field(repr=False, description="Where Redis is")]


class ReleaseSettings(Stores):
    """What `release` reads."""


class Mailbox(BaseSettings):
    """What the API and the workers agree on of mails."""

    public_origin: Annotated[str, Field(description="Where browsers find the platform")] = (
        "https://localhost:8443"
    )
    mail_token_seconds: Annotated[
        float, Field(gt=0, le=604_800, description="How long the token of a mail is good")
    ] = 3600.0


class Webhooks(BaseSettings):
    """What the API and the workers agree on of the audit trail and of webhooks."""

    audit_key: Annotated[
        SecretStr,
        AfterValidator(check_seed),
        Field(
            description="Signs checkpoints of audit trails: the seed of an Ed25519 key,"
            " 64 hexadecimal digits; secret"
        ),
    ]
    sealing_key: Annotated[
        SecretStr,
        AfterValidator(check_seed),
        Field(description="Seals secrets of webhooks in PostgreSQL: 64 hexadecimal digits; secret"),
    ]
    delivery_attempts: Annotated[
        int, Field(ge=1, le=50, description="How often a webhook is tried before it is dead")
    ] = 20
    checkpoint_entries: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="Each so many entries of an audit trail its checkpoint is sent as a webhook",
        ),
    ] = 100


class Jobs(BaseSettings):
    """What the API and the workers agree on."""

    max_attempts: Annotated[
        int, Field(ge=1, le=50, description="How often a job is tried before it is dead")
    ] = 5
    allow_private_destinations: Annotated[
        bool,
        Field(
            description="Whether destinations may be at addresses that are not public: only for trying out"
        ),
    ] = False


class Files(BaseSettings):
    """What the API and the workers agree on of files."""

    data_dir: Annotated[
        Path,
        AfterValidator(check_folder),
        Field(description="The folder of files, which all processes share: an absolute path"),
    ]
    file_link_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="How long a link to put or get a file counts")
    ] = 300


class ApiSettings(ServiceSettings, Stores, Jobs, Mailbox, Webhooks, Files, TracingSettings):
    """What `web` reads."""

    token_key: Annotated[
        SecretStr, Field(min_length=32, description="Signs access tokens and derives refresh tokens; secret")
    ]
    operator_token: Annotated[
        BearerToken,
        Field(
            description="What whoever runs the platform shows to operate it;"
            " 16 to 256 letters, digits and `-._~+/`, `=` at the end"
        ),
    ]
    drain_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=30,
            description="How long a process that is told to stop goes on, and says that it is not ready",
        ),
    ] = 0.0
    access_token_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="How long an access token lives")
    ] = 300
    refresh_grace_seconds: Annotated[
        float, Field(ge=0, le=60, description="How long a refresh may be repeated with one result")
    ] = 10.0
    key_environment: Annotated[
        Literal["live", "test"],
        Field(description="Whose API keys count, and what they begin with: `cap_live_`"),
    ] = "live"
    trusted_hops: Annotated[
        int, Field(ge=0, le=10, description="How many proxies of yours stand in front")
    ] = 0
    attempts_per_minute: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            description="How often an address may log in, ask for a mail or use its token in a minute",
        ),
    ] = 600
    login_failures: Annotated[
        int, Field(ge=1, le=100, description="How many failures of an account lead to a lock")
    ] = 10
    lock_seconds: Annotated[
        float, Field(gt=0, le=3600, description="The first lock; it doubles with each failure after it")
    ] = 30.0
    longest_lock_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="The longest lock, not below the first")
    ] = 3600.0
    invitation_seconds: Annotated[
        float, Field(gt=0, le=7_776_000, description="How long an invitation counts")
    ] = 604_800.0
    mails_per_hour: Annotated[
        int,
        Field(
            ge=1, le=1000, description="How many mails that anybody may ask for an address is sent in an hour"
        ),
    ] = 5
    actions_per_minute: Annotated[
        int, Field(ge=1, le=100_000, description="How many actions of a kind an organisation may trigger")
    ] = 60
    endpoints_per_organisation: Annotated[
        int,
        Field(ge=1, le=1000, description="How many webhook endpoints an organisation may have, and sources"),
    ] = 10
    tolerance_seconds: Annotated[
        float,
        Field(gt=0, le=86_400, description="How far from now a webhook that comes in may have been signed"),
    ] = 300.0
    rotation_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=2_592_000,
            description="How long the secret of a webhook that was replaced signs beside the new one",
        ),
    ] = 86_400.0
    allowed_origins: Annotated[
        str,
        AfterValidator(check_origins),
        Field(description="Origins besides the platform's whose pages may call the API, with commas between"),
    ] = ""
    reads_per_minute: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="How many projects and files somebody may read, one by one or in pages",
        ),
    ] = 2000
    exports_per_hour: Annotated[
        int, Field(ge=1, le=1000, description="How often an organisation may have all its projects exported")
    ] = 10
    cache_seconds: Annotated[
        int,
        Field(
            ge=0, le=86_400, description="How long an answer is kept in Redis, if nothing changes; 0 for none"
        ),
    ] = 60
    files_origin: Annotated[
        str, Field(description="Where files are downloaded: another origin than the platform's")
    ] = "https://files.localhost:8443"
    file_limit_bytes: Annotated[int, Field(ge=1, le=2**40, description="How large a file may be")] = (
        10 * 1024 * 1024
    )
    file_quota_bytes: Annotated[
        int, Field(ge=1, le=2**50, description="How large all files of an organisation may be together")
    ] = 1024 * 1024 * 1024
    argon2_memory_kib: Annotated[
        int, Field(ge=8, le=1_048_576, description="What hashing a password takes, in KiB")
    ] = 19_456
    argon2_passes: Annotated[int, Field(ge=1, le=100, description="How often it goes through that")] = 2

    def origins(self) -> list[str]:
        return self.allowed_origins.split(",") if self.allowed_origins else []

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.files_origin == self.public_origin:
            raise ValueError("FILES_ORIGIN must be another than PUBLIC_ORIGIN")
        if self.longest_lock_seconds < self.lock_seconds:
            raise ValueError("LONGEST_LOCK_SECONDS must not be less than LOCK_SECONDS")
        return self
