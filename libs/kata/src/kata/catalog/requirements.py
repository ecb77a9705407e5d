"""The requirements of a standard, in `requirements.toml` of a project, and the checks that answer to them."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from kata.errors import KataError

FILE = "requirements.toml"
_HEAD = ("| requirement | what it asks for | met by |", "|---|---|---|")


def render_requirements(project: Path, tags: Iterable[tuple[str, str]]) -> str:
    """Render the table of a lesson. `tags` are pairs of a check's id and a tag, such as `asvs-7.2.1`.

    Each requirement has a check that is tagged with it, or says where else it is met, or why it is not.

    Raises:
        KataError: one has nothing of it, or a tag names one that is not listed.

    """
    document = tomllib.loads((project / FILE).read_text())
    prefix, listed = f"{document['tag']}-", _listed(document["requirement"])
    checks: defaultdict[str, list[str]] = defaultdict(list)
    for check, tag in tags:
        if tag.startswith(prefix):
            checks[tag.removeprefix(prefix)].append(check)
    if unknown := sorted(checks.keys() - listed.keys()):
        raise KataError(f"{project.name}/{FILE} does not list {', '.join(unknown)}")
    rows = [_row(project, name, entry, checks[name]) for name, entry in sorted(listed.items(), key=_number)]
    return "\n".join([*_HEAD, *rows, ""])


def _listed(entries: Iterable[Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    return {entry["id"]: entry for entry in entries}


def _number(item: tuple[str, object]) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", item[0])]


def _row(project: Path, name: str, entry: Mapping[str, str], checks: list[str]) -> str:
    parts = [", ".join(checks)] if checks else []
    parts += [entry["where"]] if "where" in entry else []
    parts += [f"not met: {entry['out']}"] if "out" in entry else []
    if not parts:
        raise KataError(f"{project.name}/{FILE}: nothing answers to {name}, and no reason is given")
    return f"| {name} | {entry['says']} | {'; '.join(parts)} |"
