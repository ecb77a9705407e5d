"""A project's settings as its own code describes them, for its lesson and its .env.sample."""

import os
import re
import subprocess
import sys
from collections.abc import Container, Mapping
from dataclasses import dataclass

from kata.catalog.projects import Project
from kata.errors import KataError

_NAME_OF_ROW = re.compile(r"^\| `(\w+)` \|")
_NAME_OF_BLOCK = re.compile(r"^#?(\w+)=", re.MULTILINE)
_REQUIRED = re.compile(r"^\w+=", re.MULTILINE)
_HEAD = ("| variable | value | default |", "|---|---|---|")


@dataclass(frozen=True)
class Described:
    """Each setting, by its name, as a block of .env.sample and as a row of a table."""

    blocks: Mapping[str, str]
    rows: Mapping[str, str]

    def sample(self) -> str:
        """Return what .env.sample says of them: one that several processes read stands once."""
        return "\n".join(self.blocks.values())

    def table(self, defaults: Container[str]) -> str:
        """Return the settings of the contract: those that must be set, and those whose default it names."""
        rows = [
            row for name, row in self.rows.items() if name in defaults or _REQUIRED.search(self.blocks[name])
        ]
        return "\n".join([*_HEAD, *rows, ""])


def described(project: Project) -> Described:
    """Ask a project's code for its settings.

    Raises:
        KataError: they cannot be read.

    """
    blocks = [block for it in project.settings for block in _read(project, it, "env").split("\n\n")]
    rows = [row for it in project.settings for row in _read(project, it, "markdown").splitlines()]
    return Described(
        {name: _one_block(alike) for name, alike in _by_name(blocks, _NAME_OF_BLOCK).items()},
        {name: alike[0] for name, alike in _by_name(rows, _NAME_OF_ROW).items()},
    )


def _by_name(texts: list[str], name: re.Pattern[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        match = name.search(text)
        if match:
            found.setdefault(match[1], []).append(text.strip())
    return found


def _one_block(blocks: list[str]) -> str:
    """Say of a setting what the first process does with it, and what others do if that is something else."""
    said, _, assignment = blocks[0].rpartition("\n")
    for other in dict.fromkeys(blocks[1:]):
        if other != blocks[0]:
            meaning, _, default = other.removeprefix("# ").rpartition("\n")
            value = default.partition("=")[2]
            said += f"\n# In another process, {value} by default: {meaning[:1].lower()}{meaning[1:]}"
    return f"{said}\n{assignment}\n"


def _read(project: Project, settings: str, form: str) -> str:
    done = subprocess.run(  # noqa: S603 - the project's own code
        [sys.executable, "-m", "service_kit.settings_docs", settings, "--format", form],
        env={**os.environ, "PYTHONPATH": str(project.import_root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise KataError(f"{project.name}: the settings {settings} can't be read: {done.stderr.strip()}")
    return done.stdout
