"""The command line: `kata run | verify | watch | mutants | lesson | new | doctor | list`."""

import os
import sys
from pathlib import Path
from typing import TextIO

import typer
from typer.exceptions import TyperException

from kata.commands.console import drop_what_is_unread
from kata.commands.doctor import doctor
from kata.commands.lesson import lesson
from kata.commands.listing import list_projects
from kata.commands.mutants import mutants
from kata.commands.new import new
from kata.commands.run import run
from kata.commands.verify import verify_command
from kata.commands.watch import watch
from kata.errors import KataError
from kata.judge.verdicts import Exit

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Run and verify any implementation of any project.",
)
app.command("list")(list_projects)
app.command()(run)
app.command("verify")(verify_command)
app.command()(watch)
app.command()(mutants)
app.command()(lesson)
app.command()(new)
app.command()(doctor)


def main() -> None:
    """Run the command line; what goes wrong is one line, never a traceback."""
    # Closed by whoever started this: what is said is lost, and nothing else.
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    try:
        code = app(standalone_mode=False)
    except (KataError, TyperException) as error:
        message = error.format_message() if isinstance(error, TyperException) else str(error)
        if message:  # `kata` alone shows its help, and has no more to say
            typer.echo(f"kata: {message}", err=True)
        code = Exit.VERIFIER  # Typer's own 2 would read as "inconclusive"
    except BrokenPipeError:  # `| head` has had enough
        drop_what_is_unread(sys.stdout)
        code = Exit.VERIFIER
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    raise SystemExit(code)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w")
