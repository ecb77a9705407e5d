"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PostgresDsn
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.settings import BearerToken, ServiceSettings


def folder(path: Path) -> Path:
    if not path.is_absolute() or (path.exists() and not path.is_dir()):
        raise ValueError("it is the absolute path of a folder")
    return path


def existing_folder(path: Path) -> Path:
    if not path.is_absolute() or not path.is_dir():
        raise ValueError("it is the absolute path of a folder that is there")
    return path


def with_database(url: PostgresDsn) -> PostgresDsn:
    if not (url.path or "").strip("/"):
        raise ValueError("it names no database")
    return url


Folder = Annotated[Path, AfterValidator(folder)]
Keep = Annotated[int, Field(ge=0, le=10_000)]


class StoreSettings(BaseSettings):
    """What `web` and the commands read. Without repr: an address may hold a password."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: Annotated[
        PostgresDsn,
        AfterValidator(with_database),
        Field(
            repr=False, description="The database that is backed up, and through whose server it is restored"
        ),
    ]
    data_dir: Annotated[Folder, Field(description="The storage: an absolute path, made if it is not there")]
    postgres_bin: Annotated[
        Annotated[Path, AfterValidator(existing_folder)] | None,
        Field(description="The folder of pg_dump and pg_restore; without it they are looked for on PATH"),
    ] = None
    compression_level: Annotated[int, Field(ge=1, le=19, description="How hard zstd tries")] = 3
    storage_limit_bytes: Annotated[
        int | None,
        Field(ge=1, le=2**60, description="What all versions may take; without it as much as there is"),
    ] = None
    lock_wait_seconds: Annotated[
        float,
        Field(ge=0.1, le=3600, description="How long a run waits for a table that somebody else has locked"),
    ] = 30.0
    silence_seconds: Annotated[
        float,
        Field(
            ge=1, le=3600, description="How long PostgreSQL may let nobody in before what waits for it fails"
        ),
    ] = 30.0
    undo_seconds: Annotated[
        float, Field(ge=0, le=604_800, description="How long the database from before a restore is kept")
    ] = 3600.0
    keep_last: Annotated[
        int, Field(ge=1, le=10_000, description="How many of the newest versions are kept")
    ] = 7
    keep_daily: Annotated[
        Keep, Field(description="For how many days that have a version the newest of the day is kept")
    ] = 7
    keep_weekly: Annotated[Keep, Field(description="The same for weeks, which begin on Monday")] = 4
    keep_monthly: Annotated[Keep, Field(description="The same for months")] = 12


class Settings(ServiceSettings, StoreSettings):
    """What `web` reads."""

    operator_token: Annotated[
        BearerToken,
        Field(
            description="What whoever runs the service shows to use the API;"
            " 16 to 256 letters, digits and `-._~+/`, `=` at the end"
        ),
    ]
    backup_every_seconds: Annotated[
        float,
        Field(
            ge=0, le=31_536_000, description="How old the newest version becomes before the next; 0: never"
        ),
    ] = 0.0
    drill_every_seconds: Annotated[
        float, Field(ge=0, le=31_536_000, description="How long after a drill the next one follows; 0: never")
    ] = 0.0
