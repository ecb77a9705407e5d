"""The lessons are true: their commands are executed, their lists compared with what they list."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from kata.catalog.checks import Check
from kata.catalog.mutants import load_mutants
from kata.catalog.projects import all_projects, load_project
from kata.commands.lesson import checks_of, generated_in_project, generated_in_root

ROOT = Path(__file__).resolve().parents[1]
LESSONS = [project.path / "README.md" for project in all_projects(ROOT)]
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in path.relative_to(ROOT).parts)
)

CHECK_ID = re.compile(r"\b[SCE]\d+\b")
FENCE = re.compile(r"^(```|~~~).*?^\1$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
FILLER = re.compile(
    r"\b(?:simply|obviously|basically|of course|easily|very|really|actually|blazing\w*|awesome|seamless\w*"
    r"|leverag\w+|TODO|FIXME|TBD)\b",
    re.IGNORECASE,
)
EMOJI = re.compile("[\N{WATCH}-\N{HOURGLASS}\N{BLACK SUN WITH RAYS}-\N{CURLY LOOP}\U0001f000-\U0001faff]")

lessons = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.parent.name)
documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


# What a lesson lists


@lessons
def test_what_is_generated_in_a_project_is_as_it_would_be_now(lesson: Path) -> None:
    assert outdated(generated_in_project(lesson.parent)) == [], "make lessons"


def test_what_is_generated_for_all_projects_is_as_it_would_be_now() -> None:
    assert outdated(generated_in_root(ROOT)) == [], "make lessons"


def outdated(documents: Mapping[Path, str]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path, text in documents.items() if path.read_text() != text]


@lessons
def test_the_contract_states_every_check_and_no_other(lesson: Path) -> None:
    checks = checks_of(lesson.parent)
    assert ids_in(section(lesson, "The contract")) == {check.id for check in checks if not check.extension}
    assert ids_in(section(lesson, "Go further")) == {check.id for check in checks if check.extension}


@lessons
def test_every_sentence_of_the_contract_says_which_check_holds_one_to_it(lesson: Path) -> None:
    items = re.findall(r"^- (.+(?:\n {2}.+)*)", section(lesson, "The contract"), flags=re.MULTILINE)
    assert items
    assert [item for item in items if not re.search(r"\([SCE]\d+(?:, [SCE]\d+)*\)$", item)] == []


@lessons
def test_each_step_runs_the_checks_of_its_number(lesson: Path) -> None:
    checks = checks_of(lesson.parent)
    for number in sorted({check.step for check in checks if check.step is not None}):
        step = section(lesson, f"Step {number}")
        assert f'ARGS="--step {number}"' in step
        assert f": {count(checks, number)} pass in " in step


@lessons
def test_each_pitfall_is_a_mutant_and_names_what_catches_it(lesson: Path) -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \|.*\| ([^|]+) \|$", section(lesson, "Pitfalls"), flags=re.MULTILINE
    )
    assert rows
    caught_by = {mutant.id: ", ".join(mutant.caught_by) for mutant in load_mutants(lesson.parent)}
    assert [row for row in rows if caught_by.get(row[0]) != row[1]] == []


@lessons
def test_the_reading_order_tells_about_how_long_each_file_is(lesson: Path) -> None:
    sources = "|".join(load_project(lesson.parent).sources)
    rows = re.findall(rf"\]\(((?:{sources})/[^)]+)\) \| (\d+) \|", section(lesson, "Reading order"))
    assert rows
    length = {file: len((lesson.parent / file).read_text().splitlines()) for file, _ in rows}
    far_off = {
        file: length[file] for file, said in rows if abs(int(said) - length[file]) > 10 + int(said) / 5
    }
    assert far_off == {}


def ids_in(text: str) -> set[str]:
    return set(CHECK_ID.findall(text))


def count(checks: list[Check], step: int) -> int:
    return sum(check.step == step and check.extension is None for check in checks)


def section(lesson: Path, title: str) -> str:
    """Return what stands below the heading that begins so, down to the next of the same rank."""
    match = re.search(
        rf"^(#+) {re.escape(title)}\b.*?(?=^\1 |^#{{1,2}} |\Z)", lesson.read_text(), re.MULTILINE | re.DOTALL
    )
    assert match is not None, f"{lesson.parent.name} has no section {title!r}"
    return match[0]


# All documents


@documents
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for file, anchor in LINK.findall(prose(document)):
        target = (document.parent / file).resolve() if file else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{file}#{anchor}" if anchor else file)
    assert broken == []


@documents
def test_the_prose_is_plain(document: Path) -> None:
    text = re.sub(r"`[^`\n]*`|<!--.*?-->", "", prose(document))
    assert FILLER.findall(text) == []
    assert re.findall(r"\w*!(?!\[)", text) == []
    assert EMOJI.findall(text) == []


@documents
def test_no_path_of_this_machine_stands_in_a_document(document: Path) -> None:
    text = document.read_text()
    assert [place for place in (ROOT, Path.home()) if re.search(rf"(?<![\w.]){place}\b", text)] == []


def prose(document: Path) -> str:
    return FENCE.sub("", document.read_text())


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(prose(document)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[slug] = found.get(slug, 0) + 1
    return {slug if nth == 0 else f"{slug}-{nth}" for slug, times in found.items() for nth in range(times)}
