"""A project's settings as its own code describes them, for its lesson and its .env.sample."""

import os
import re
import subprocess
import sys

from kata.catalog.projects import Project
from kata.errors import KataError

_NAME_OF_ROW = re.compile(r"^\| `(\w+)` \|")
_NAME_OF_BLOCK = re.compile(r"^#?(\w+)=", re.MULTILINE)
_REQUIRED = re.compile(r"^\w+=", re.MULTILINE)
_HEAD_LINES = 2


def sample(project: Project) -> str:
    """Return what .env.sample says of each setting; one that several processes read stands once."""
    return "\n".join(_blocks(project).values())


def contract_table(project: Project) -> str:
    """Return the contract's settings as a table: those that must be set, and `[tool.kata.defaults]`."""
    contract = {name for name, block in _blocks(project).items() if _REQUIRED.search(block)}
    contract.update(project.defaults)
    lines = [line for it in project.settings for line in _described(project, it, "markdown").splitlines()]
    rows = _first_of_each(lines, _NAME_OF_ROW)
    return "\n".join([*lines[:_HEAD_LINES], *(row for name, row in rows.items() if name in contract), ""])


def _blocks(project: Project) -> dict[str, str]:
    texts = [_described(project, settings, "env") for settings in project.settings]
    blocks = [f"{block.strip()}\n" for text in texts for block in text.split("\n\n")]
    return _first_of_each(blocks, _NAME_OF_BLOCK)


def _first_of_each(texts: list[str], name: re.Pattern[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        match = name.search(text)
        if match:
            found.setdefault(match[1], text)
    return found


def _described(project: Project, settings: str, form: str) -> str:
    done = subprocess.run(  # noqa: S603 - the project's own code
        [sys.executable, "-m", "service_kit.settings_docs", settings, "--format", form],
        env={**os.environ, "PYTHONPATH": str(project.path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise KataError(f"{project.name}: the settings {settings} can't be read: {done.stderr.strip()}")
    return done.stdout
