"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from typing import Annotated

from pydantic import Field, PostgresDsn
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit import worker
from service_kit.settings import ServiceSettings


class Stores(BaseSettings):
    """What every process reads. Without repr: an address may hold a password."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: Annotated[PostgresDsn, Field(repr=False, description="Where PostgreSQL is")]


class Settings(ServiceSettings, Stores):
    """What `web` reads."""

    increment: Annotated[int, Field(ge=1, le=1000, description="How much each count adds")] = 1


class WorkerSettings(worker.WorkerSettings, Stores):
    """What `worker` reads."""

    report_seconds: Annotated[
        float, Field(gt=0, le=3600, description="How often the worker logs what all counts come to")
    ] = 60.0
