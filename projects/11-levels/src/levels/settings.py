"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

import shlex
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, DirectoryPath, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit import worker
from service_kit.settings import BearerToken, ServiceSettings
from service_kit.urls import PostgresUrl


def command_line(text: str) -> str:
    words = shlex.split(text)
    if not words or not words[0]:
        raise ValueError("it names no program")
    return text


class DatabaseSettings(BaseSettings):
    """What `migrate` reads."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    # Without repr: it may hold a password.
    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]


class Settings(DatabaseSettings):
    """What `web` and `worker` read. Both read all of it, so that a mistake stops both."""

    verifier: Annotated[
        str,
        AfterValidator(command_line),
        Field(
            max_length=4096,
            description="The program that judges, with its first arguments, quoted as for a shell",
        ),
    ] = "kata"
    solutions_dir: Annotated[
        DirectoryPath,
        Field(description="The folder beneath which solutions lie; in a class there is one for each learner"),
    ] = Path("/")
    operator_token: Annotated[
        BearerToken | None,
        Field(
            repr=False,
            description="Makes it a service for a class: who sends it can add learners. Without it there is"
            " one learner, and no account",
        ),
    ] = None
    lease_seconds: Annotated[
        float, Field(ge=1, le=3600, description="How long a claim of a run lasts without renewal")
    ] = 15.0
    run_timeout_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="How long a run may take in all")
    ] = 1800.0
    output_limit_bytes: Annotated[
        int,
        Field(
            ge=256,
            le=1024 * 1024,
            description="How much is kept of each report, and of all that a run prints besides",
        ),
    ] = 65_536

    @property
    def command(self) -> tuple[str, ...]:
        return tuple(shlex.split(self.verifier))


class WebSettings(ServiceSettings, Settings):
    """What `web` reads."""

    heartbeat_seconds: Annotated[
        float, Field(ge=0.1, le=15, description="How long a stream of events may be silent")
    ] = 15.0


class WorkerSettings(worker.WorkerSettings, Settings):
    """What `worker` reads."""
