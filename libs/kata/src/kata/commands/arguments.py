"""The arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from kata.errors import UsageError

Number = Annotated[str, typer.Argument(help="The project, such as 01.", show_default=False)]
Directory = Annotated[
    Path | None, typer.Option("--dir", help="The folder with the Procfile; the reference if left out.")
]
Url = Annotated[str | None, typer.Option("--url", help="Attach to something that is already running.")]
Docker = Annotated[
    bool, typer.Option("--docker", help="Build the folder's Dockerfile and run the container.")
]
Seed = Annotated[
    str | None,
    typer.Option(
        "--seed",
        help="4 to 8 hex digits from which everything is drawn: limits, names, clients, the order of checks. "
        "A run prints its own; with it the same is drawn again.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="Checks (C4, or C4,C7) or extensions; may be repeated."),
]
Step = Annotated[int | None, typer.Option("--step", help="Only the checks of this step of the lesson.")]
Extensions = Annotated[bool, typer.Option("--extensions", help="Also the checks of the lesson's extensions.")]
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="With --url: a setting it runs with, NAME=VALUE.")
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="End at the first check that fails.")]
StartTimeout = Annotated[
    float,
    typer.Option("--start-timeout", min=0.1, help="How many seconds a process may take to become ready."),
]
SideBySide = Annotated[
    int,
    typer.Option("--side-by-side", min=1, max=64, help="How many checks of a verification run at a time."),
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=64, help="How many verifications run side by side.")]


def existing_folder(directory: Path | None) -> Path | None:
    directory = directory and directory.expanduser()  # make hands a quoted `~` on
    if directory and not directory.is_dir():
        raise UsageError(f"there is no folder {directory}")
    return directory.resolve() if directory else None


def chosen(only: list[str] | None) -> frozenset[str]:
    """Return the names of all `--only`; one may have several, with commas between them."""
    return frozenset(name for words in only or () for word in words.split(",") if (name := word.strip()))
