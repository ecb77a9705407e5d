"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.settings import ServiceSettings
from service_kit.urls import PostgresUrl, RedisUrl

ADMIN: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}:[\x21-\x2b\x2d-\x7e]{16,256}")
ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")
DAY_SECONDS: Final = 86_400


def folder(path: Path) -> Path:
    if not path.is_absolute() or (path.exists() and not path.is_dir()):
        raise ValueError("it is the absolute path of a folder")
    return path


def check_admins(text: str) -> str:
    entries = text.split(",")
    names = [entry.partition(":")[0] for entry in entries]
    if not all(map(ADMIN.fullmatch, entries)) or len(set(names)) < len(names):
        raise ValueError("it is name:token, with commas between; each token has 16 to 256 visible characters")
    return text


def check_origins(text: str) -> str:
    if text != "*" and not all(map(ORIGIN.fullmatch, text.split(","))):
        raise ValueError("it is * or origins with commas between, such as https://app.example")
    return text


class Stores(BaseSettings):
    """What every process reads. Without repr: an address may hold a password."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]


class Settings(ServiceSettings, Stores):
    """What `web` reads."""

    redis_url: Annotated[RedisUrl, Field(repr=False, description="Where Redis is")]
    data_dir: Annotated[
        Path,
        AfterValidator(folder),
        Field(description="The folder of the last ruleset; an absolute path, made if it is not there"),
    ]
    admin_tokens: Annotated[
        str,
        AfterValidator(check_admins),
        Field(
            repr=False,
            description="Who may manage: `name:token`, with commas between, tokens of 16 to 256 characters",
        ),
    ]
    allowed_origins: Annotated[
        str,
        AfterValidator(check_origins),
        Field(description="Which origins' pages may ask for flags: `*`, or origins with commas between"),
    ] = "*"
    stream_token_seconds: Annotated[
        float,
        Field(ge=1, le=DAY_SECONDS, description="A stream's token is good for so long, and twice at most"),
    ] = 300.0
    heartbeat_seconds: Annotated[
        float, Field(ge=0.1, le=60, description="A stream that has nothing to say says so this often")
    ] = 15.0

    @property
    def admins(self) -> dict[str, str]:
        """Tokens, and whose they are."""
        pairs = [entry.partition(":") for entry in self.admin_tokens.split(",")]
        return {token: name for name, _, token in pairs}
