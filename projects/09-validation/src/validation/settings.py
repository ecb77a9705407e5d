"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from service_kit.settings import ServiceSettings
from validation.value import Limits


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
        Field(description="The folder in which versions are kept; an absolute path, made if it is not there"),
    ]
    # The evaluator's own recursion ends at 255 levels.
    max_depth: Annotated[
        int, Field(ge=1, le=200, description="How deep arrays and objects may be nested")
    ] = 64
    max_members: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            description="Members of all objects and items of all arrays of one text, together",
        ),
    ] = 20_000
    max_strings: Annotated[
        int, Field(ge=1, le=100_000, description="Strings of one text, names among them")
    ] = 20_000
    max_errors: Annotated[
        int, Field(ge=1, le=1000, description="How many mistakes are told of one input")
    ] = 100
    max_line_bytes: Annotated[
        int, Field(ge=16, le=1_048_576, description="The longest record of a stream, without its line break")
    ] = 65_536
    evaluation_ms: Annotated[
        int, Field(ge=50, le=10_000, description="How long one evaluation may take, in milliseconds")
    ] = 500
    evaluators: Annotated[
        int, Field(ge=1, le=32, description="Processes that evaluate, for each web process")
    ] = 3

    @property
    def limits(self) -> Limits:
        return Limits(self.max_depth, self.max_members, self.max_strings)
