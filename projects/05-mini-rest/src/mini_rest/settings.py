"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.settings import BearerToken, ServiceSettings
from service_kit.urls import PostgresUrl


def check_not_blank(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("it is blank")
    return secret


class Stores(BaseSettings):
    """What every process reads. Without repr: an address may hold a password."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]


class Settings(ServiceSettings, Stores):
    """What `web` reads."""

    operator_token: Annotated[
        BearerToken,
        Field(
            description="The token of whoever runs the service;"
            " 16 to 256 letters, digits and `-._~+/`, `=` at the end"
        ),
    ]
    cursor_secret: Annotated[
        SecretStr,
        AfterValidator(check_not_blank),
        Field(
            min_length=16,
            max_length=256,
            description="Signs the cursors of lists, the same in each process; 16 to 256 characters",
        ),
    ]
    idempotency_ttl_seconds: Annotated[
        int, Field(ge=1, le=2_592_000, description="How long an Idempotency-Key is remembered")
    ] = 86_400
    title_limit: Annotated[
        int, Field(ge=1, le=10_000, description="The longest title in characters (code points)")
    ] = 200
