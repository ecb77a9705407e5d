"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from file_cache.freshness import LONGEST_SECONDS
from service_kit.settings import B64TOKEN, ServiceSettings

SHORTEST_TOKEN, LONGEST_TOKEN = 16, 256


def folder(path: Path) -> Path:
    if not path.is_absolute() or (path.exists() and not path.is_dir()):
        raise ValueError("it is the absolute path of a folder")
    return path


def check_tokens(text: str) -> str:
    for token in split(text):
        if not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN or not B64TOKEN.fullmatch(token):
            raise ValueError(
                "it is tokens of 16 to 256 letters, digits and -._~+/, with = at the end, and commas between"
            )
    return text


def split(tokens: str) -> list[str]:
    return tokens.split(",") if tokens else []


class Settings(ServiceSettings):
    """What `web` reads."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    data_dir: Annotated[
        Path,
        AfterValidator(folder),
        Field(description="The folder of the entries; an absolute path, made if it is not there"),
    ]
    default_ttl_seconds: Annotated[
        int,
        Field(ge=1, le=LONGEST_SECONDS, description="How long an entry lives whose PUT does not say it"),
    ] = 86_400
    max_value_bytes: Annotated[
        int, Field(ge=1, le=2**40, description="The largest body of an entry; a larger one gets 413")
    ] = 256 * 1024 * 1024
    budget_bytes: Annotated[
        int,
        Field(
            ge=2,
            le=2**50,
            description="What all entries may have together; at least twice MAX_VALUE_BYTES",
        ),
    ] = 1024 * 1024 * 1024
    cleanup_seconds: Annotated[
        float, Field(ge=0.1, le=86_400, description="The pause between two clean-ups")
    ] = 60.0
    # Without repr: they are secrets.
    read_tokens: Annotated[
        str,
        AfterValidator(check_tokens),
        Field(repr=False, description="Who may read: tokens of 16 to 256 characters, with commas between"),
    ] = ""
    write_tokens: Annotated[
        str,
        AfterValidator(check_tokens),
        Field(repr=False, description="Who may read and change all: such tokens"),
    ] = ""
    untrusted_tokens: Annotated[
        str,
        AfterValidator(check_tokens),
        Field(repr=False, description="Who may read all, and store what only these are given: such tokens"),
    ] = ""
    anonymous: Annotated[
        Literal["auto", "nothing", "read", "write"],
        Field(
            description="What is allowed without a token; `auto` is `write` if none is set, else `nothing`"
        ),
    ] = "auto"
    lease_seconds: Annotated[
        int, Field(ge=1, le=3600, description="How long whoever is to fill a missing key has for it")
    ] = 30
    max_waiters: Annotated[
        int,
        Field(ge=1, le=64, description="How many requests of one process may wait for others at once"),
    ] = 16
    # A body on its way in or out holds a thread.
    web_threads: Annotated[
        int, Field(ge=1, le=64, description="Requests that a worker handles at once, under WSGI")
    ] = 8

    @property
    def all_threads(self) -> int:
        """Those that wait take none from the others."""
        return self.web_threads + self.max_waiters

    @property
    def anonymous_may(self) -> Literal["nothing", "read", "write"]:
        """What may be done without a token."""
        if self.anonymous != "auto":
            return self.anonymous
        return "nothing" if self.read_tokens or self.write_tokens or self.untrusted_tokens else "write"

    @model_validator(mode="after")
    def somebody_may_write(self) -> Self:
        tokens = [*split(self.read_tokens), *split(self.write_tokens), *split(self.untrusted_tokens)]
        if len(set(tokens)) < len(tokens):
            raise ValueError("READ_TOKENS, WRITE_TOKENS and UNTRUSTED_TOKENS have a token twice")
        if self.anonymous in {"nothing", "read"} and not self.write_tokens:
            raise ValueError(f"ANONYMOUS is {self.anonymous}, and nobody may write: WRITE_TOKENS is not set")
        return self

    @model_validator(mode="after")
    def budget_is_enough(self) -> Self:
        if self.budget_bytes < 2 * self.max_value_bytes:
            raise ValueError("BUDGET_BYTES must be at least twice MAX_VALUE_BYTES")
        return self
