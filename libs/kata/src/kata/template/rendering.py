"""The files of a new project: those below files/, in Jinja's language. A line of `%% …` is a statement."""

import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import DictLoader, Environment, StrictUndefined

from kata.catalog.projects import ROOT
from kata.template.facts import Facts, image_context

_FILES = Path(__file__).with_name("files")
_SUFFIX = ".jinja"
# Jinja's own line statements take the blank lines behind them away too.
_STATEMENT = re.compile(r"^%% (.*)\n", re.MULTILINE)
_ENVIRONMENT = Environment(  # noqa: S701 - it makes no HTML
    loader=DictLoader(
        {
            path.relative_to(_FILES).as_posix(): _STATEMENT.sub(r"{% \1 %}", path.read_text())
            for path in _FILES.rglob(f"*{_SUFFIX}")
        }
    ),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


def render_project(facts: Facts) -> dict[str, str]:
    """Return the text of each file by its path; the lesson and the Dockerfile follow from these."""
    context = facts.context()
    texts: dict[str, str] = {}
    for layer in facts.layers:
        for file in sorted((_FILES / layer).rglob(f"*{_SUFFIX}")):
            path = file.relative_to(_FILES / layer).as_posix().removesuffix(_SUFFIX)
            texts[_from_text(path, context)] = _from_file(f"{layer}/{path}", context)
    return texts


def render_lesson(facts: Facts, project: Path) -> str:
    """Return the lesson, whose reading order tells how long the files of the project are."""
    lines = {
        path.stem: len(path.read_text().splitlines())
        for path in (project / "src" / facts.package).glob("*.py")
    }
    return _from_file("README.md", {**facts.context(), "lines": lines})


def render_dockerfile(project: Path, root: Path = ROOT) -> str:
    """Return the Dockerfile of a project, as its other files have it."""
    return _from_file("Dockerfile", image_context(project, root))


def _from_file(name: str, context: Mapping[str, object]) -> str:
    return _ENVIRONMENT.get_template(f"{name}{_SUFFIX}").render(context)


def _from_text(text: str, context: Mapping[str, object]) -> str:
    return _ENVIRONMENT.from_string(text).render(context)
