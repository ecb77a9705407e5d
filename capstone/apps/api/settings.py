"""What the API reads from its environment. Each field is the variable of the same name."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.settings import BearerToken, ServiceSettings
from service_kit.urls import PostgresUrl, RedisUrl

APP_ROLE = "capstone_app"


class Stores(BaseSettings):
    """What every process reads. Without repr: an address may hold a password."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]
    redis_url: Annotated[RedisUrl, Field(repr=False, description="Where Redis is")]


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


class ApiSettings(ServiceSettings, Stores, Jobs):
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
    public_origin: Annotated[str, Field(description="Where browsers find the platform")] = (
        "https://localhost:8443"
    )
    access_token_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="How long an access token lives")
    ] = 300
    refresh_grace_seconds: Annotated[
        float, Field(ge=0, le=60, description="How long a refresh may be repeated with one result")
    ] = 10.0
    actions_per_minute: Annotated[
        int, Field(ge=1, le=100_000, description="How many actions of a kind an organisation may trigger")
    ] = 60
    argon2_memory_kib: Annotated[
        int, Field(ge=8, le=1_048_576, description="What hashing a password takes, in KiB")
    ] = 19_456
    argon2_passes: Annotated[int, Field(ge=1, le=100, description="How often it goes through that")] = 2
