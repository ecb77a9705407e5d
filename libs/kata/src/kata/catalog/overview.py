"""What the repository as a whole says of its parts: the list of projects, and the glossary."""

import re
from collections import Counter
from pathlib import Path

from kata.catalog.projects import all_projects
from kata.errors import KataError

_TERMS = re.compile(r"^## Terms\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_TERM = re.compile(r"^- \*\*(?P<name>[^*]+)\*\*: .+(?:\n {2}.+)*$", re.MULTILINE)


def project_table(root: Path) -> str:
    """Return the README's table: each project with what its pyproject.toml says that it is."""
    rows = [
        f"| [{project.name}]({project.path.relative_to(root)}/README.md) | {project.description} |"
        for project in all_projects(root)
    ]
    return "\n".join(["| project | what it is |", "|---|---|", *rows, ""])


def glossary(root: Path) -> str:
    """Collect the terms that projects, libs and CONTRIBUTING.md explain, in the order of the alphabet.

    Raises:
        KataError: a term is explained twice.

    """
    documents = [
        *(project.path / "README.md" for project in all_projects(root)),
        *root.glob("libs/*/README.md"),
        root / "CONTRIBUTING.md",
    ]
    terms = [
        (term["name"], term[0])
        for document in documents
        for section in _TERMS.finditer(document.read_text())
        for term in _TERM.finditer(section["text"])
    ]
    twice = [name for name, count in Counter(name for name, _ in terms).items() if count > 1]
    if twice:
        raise KataError(f"the glossary would have two entries for {', '.join(sorted(twice))}")
    return "".join(f"{text}\n" for _, text in sorted(terms, key=lambda term: term[0].casefold()))
