"""The same operations from a terminal, with a bar while they run; the exit code is 0 if all went well."""

import sys
import time
from collections.abc import Callable
from typing import Annotated, Final, NoReturn

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from backup.app import create_backups
from backup.domain import Run, State
from backup.errors import BackupError, PreflightError
from backup.schemas import PruneAnswer, RunAnswer, VersionAnswer, VersionItem, labels_of
from backup.service import Backups
from backup.settings import StoreSettings
from service_kit import logs
from service_kit.settings import load

POLL_SECONDS: Final = 0.05
FAILED: Final = 1
USAGE: Final = 64

commands = typer.Typer(add_completion=False, no_args_is_help=True, help="Versions of a database.")

VersionId = Annotated[str, typer.Argument(help="The version's id, or `latest`.")]
Label = Annotated[list[str], typer.Option("--label", help="name:value, as often as there are labels.")]


@commands.command()
def create(label: Label = []) -> None:  # noqa: B006 - typer reads it, and nobody changes it
    """Make a version of the database as it is."""
    labels = labels_of(label)
    if labels is None:
        refuse("a label is name:value", USAGE)
    follow(lambda backups: backups.create(labels))


@commands.command("import")
def take_in(file: str) -> None:
    """Make a version of a dump in the folder `incoming`."""
    follow(lambda backups: backups.take_in(file, {}, None))


@commands.command("list")
def list_versions() -> None:
    """List the versions, the newest first, one JSON object a line."""
    for version in opened().storage.versions():
        show(VersionItem.of(version))


@commands.command("show")
def show_version(version_id: VersionId) -> None:
    """Show a version and its manifest."""
    at_once(lambda backups: VersionAnswer.whole(backups.storage.find(chosen(backups, version_id))))


@commands.command()
def verify(version_id: VersionId) -> None:
    """Compare the bytes of a version with its manifest."""
    follow(lambda backups: backups.verify(chosen(backups, version_id)))


@commands.command()
def drill(version_id: VersionId) -> None:
    """Restore a version into a scratch database, and compare what is in it."""
    follow(lambda backups: backups.drill(chosen(backups, version_id)))


@commands.command()
def export(version_id: VersionId) -> None:
    """Make a dump of a version for development, without what is personal, in the folder `outgoing`."""
    follow(lambda backups: backups.export(chosen(backups, version_id)))


@commands.command()
def restore(version_id: VersionId) -> None:
    """Put a version in the place of the live database."""
    follow(lambda backups: backups.restore(chosen(backups, version_id)))


@commands.command()
def undo(run_id: str) -> None:
    """Bring the database from before a restore back."""
    at_once(lambda backups: RunAnswer.of(backups.undo(run_id)))


@commands.command()
def pin(version_id: VersionId) -> None:
    """Keep a version whatever the retention says."""
    at_once(lambda backups: VersionAnswer.whole(backups.pin(chosen(backups, version_id), is_pinned=True)))


@commands.command()
def unpin(version_id: VersionId) -> None:
    """Let the retention have a version again."""
    at_once(lambda backups: VersionAnswer.whole(backups.pin(chosen(backups, version_id), is_pinned=False)))


@commands.command()
def prune(*, dry_run: Annotated[bool, typer.Option("--dry-run")] = False) -> None:
    """Delete the versions that nothing keeps."""
    at_once(lambda backups: PruneAnswer.of(backups.prune(is_dry=dry_run), dry_run=dry_run))


def opened() -> Backups:
    logs.configure("warning")
    backups = create_backups(load(StoreSettings))
    backups.storage.prepare()
    return backups


def chosen(backups: Backups, version_id: str) -> str:
    """Return the id that is meant."""
    newest = next(iter(backups.storage.versions()), None) if version_id == "latest" else None
    return newest.id if newest else version_id


def follow(begin: Callable[[Backups], Run]) -> None:
    """Show how far a run is until it ends."""
    backups = opened()
    try:
        run = begin(backups)
    except BackupError as error:
        refuse(explained(error), FAILED)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(run.progress.phase, total=None)
        while (run := backups.runs.find(run.id)).state is State.RUNNING:
            progress = run.progress
            bar.update(
                task, description=progress.phase, completed=progress.done_bytes, total=progress.total_bytes
            )
            time.sleep(POLL_SECONDS)
    show(RunAnswer.of(run))
    if run.state is not State.SUCCEEDED:
        refuse(f"{run.code}: {run.detail}", FAILED)


def at_once(ask: Callable[[Backups], BaseModel]) -> None:
    """Do what takes no time, and show what came of it."""
    backups = opened()
    try:
        show(ask(backups))
    except BackupError as error:
        refuse(explained(error), FAILED)


def show(answer: BaseModel) -> None:
    sys.stdout.write(f"{answer.model_dump_json()}\n")


def explained(error: BackupError) -> str:
    if isinstance(error, PreflightError):
        return " ".join([str(error), *(f"{code}: {detail}" for code, detail in error.obstacles)])
    return str(error)


def refuse(reason: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"backup: {reason}\n")
    raise SystemExit(exit_code)
