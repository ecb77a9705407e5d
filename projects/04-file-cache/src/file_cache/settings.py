"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from file_cache.freshness import LONGEST_SECONDS
from service_kit.settings import ServiceSettings


def folder(path: Path) -> Path:
    if not path.is_absolute() or (path.exists() and not path.is_dir()):
        raise ValueError("it is the absolute path of a folder")
    return path


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
    # A body on its way in or out holds a thread.
    web_threads: Annotated[
        int, Field(ge=1, le=64, description="Requests that a worker handles at once, under WSGI")
    ] = 8

    @model_validator(mode="after")
    def budget_is_enough(self) -> Self:
        if self.budget_bytes < 2 * self.max_value_bytes:
            raise ValueError("BUDGET_BYTES must be at least twice MAX_VALUE_BYTES")
        return self
