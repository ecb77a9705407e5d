"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from service_kit.settings import ServiceSettings


def folder(path: Path) -> Path:
    if not path.is_absolute() or not path.is_dir():
        raise ValueError("it is the absolute path of a folder that is there")
    return path


def zone_name(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("it is the name of a time zone, such as UTC or Europe/Berlin") from error
    return name


class Settings(ServiceSettings):
    """What `web` reads."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    log_dir: Annotated[
        Path,
        AfterValidator(folder),
        Field(description="The folder with the logs, and theirs below it; an absolute path"),
    ]
    default_tz: Annotated[
        str, AfterValidator(zone_name), Field(description="The zone of timestamps that have none")
    ] = "UTC"
    max_entry_bytes: Annotated[
        int,
        Field(ge=256, le=1_048_576, description="What is kept of one entry, in bytes; the rest is skipped"),
    ] = 65_536
    scan_bytes: Annotated[
        int, Field(ge=1024, le=2**40, description="How much one query may read, in bytes")
    ] = 268_435_456
    max_tails: Annotated[
        int, Field(ge=1, le=200, description="How many may follow at once; each has a thread")
    ] = 16
    heartbeat_seconds: Annotated[
        float, Field(ge=0.1, le=300, description="After how long without an entry a comment is sent")
    ] = 5.0
    scan_ms: Annotated[
        int, Field(ge=50, le=60_000, description="How long one query may read, in milliseconds")
    ] = 5000
