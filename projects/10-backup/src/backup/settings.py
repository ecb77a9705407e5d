"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    Field,
    HttpUrl,
    PostgresDsn,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from pyrage import RecipientError, x25519  # type: ignore[import-untyped]  # its stubs are not marked as such

from service_kit.settings import BearerToken, ServiceSettings


def folder(path: Path) -> Path:
    if not path.is_absolute() or (path.exists() and not path.is_dir()):
        raise ValueError("it is the absolute path of a folder")
    return path


def existing_folder(path: Path) -> Path:
    if not path.is_absolute() or not path.is_dir():
        raise ValueError("it is the absolute path of a folder that is there")
    return path


def public_key(text: str) -> str:
    try:
        x25519.Recipient.from_str(text)
    except RecipientError as error:
        raise ValueError("it is no public key of age, such as age1…") from error
    return text


def existing_file(path: Path) -> Path:
    if not path.is_absolute() or not path.is_file():
        raise ValueError("it is the absolute path of a file that is there")
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
    storage_url: Annotated[
        str | None,
        Field(
            pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?$",
            description="A bucket for the versions, `s3://bucket/prefix`, in the place of DATA_DIR",
        ),
    ] = None
    aws_endpoint_url: Annotated[
        HttpUrl | None, Field(description="Where the bucket is, if that is not AWS; http or https")
    ] = None
    aws_region: Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$", description="The bucket's region")] = (
        "us-east-1"
    )
    aws_access_key_id: Annotated[
        str | None,
        Field(pattern="^[!-~]{1,128}$", description="The key to the bucket, without which there is none"),
    ] = None
    aws_secret_access_key: Annotated[SecretStr | None, Field(description="Its secret")] = None
    age_recipient: Annotated[
        Annotated[str, AfterValidator(public_key)] | None,
        Field(description="The public key of age for which dumps are encrypted; without it they are not"),
    ] = None
    age_identity_file: Annotated[
        Annotated[Path, AfterValidator(existing_file)] | None,
        Field(description="The file of the identity that decrypts them, as age-keygen writes it"),
    ] = None
    export_rules_file: Annotated[
        Annotated[Path, AfterValidator(existing_file)] | None,
        Field(description="The file of the rules by which an export replaces what is personal"),
    ] = None
    export_key: Annotated[
        SecretStr | None,
        Field(
            min_length=16,
            max_length=256,
            description="The secret on which replacements in exports depend; 16 to 256 characters",
        ),
    ] = None
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

    @model_validator(mode="after")
    def has_keys_to_its_bucket(self) -> Self:
        if self.storage_url and not (self.aws_access_key_id and self.aws_secret_access_key):
            raise ValueError("STORAGE_URL wants AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        return self


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
