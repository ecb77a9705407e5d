"""docs/checklists.md: what it says is met can be looked at, and what is not says so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "checklists.md"
SERVICE_CHECKS = ROOT / "libs" / "kata" / "src" / "kata" / "check"
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
CHECK = re.compile(r"(?:service|capstone|\d\d) ([A-Z]\d+)")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| item |")
]


def features_of(readme: Path) -> str:
    folder = SERVICE_CHECKS if "kata" in readme.parts else readme.parent / "features"
    return "\n".join(file.read_text() for file in sorted(folder.glob("*.feature")))


def test_each_item_is_met_somewhere_or_says_that_it_is_not() -> None:
    assert ROWS
    for item, where, missing in ROWS:
        assert LINK.search(where) or missing, item


@pytest.mark.parametrize(("item", "where"), [(row[0], row[1]) for row in ROWS])
def test_each_link_leads_to_a_file_and_each_check_is_one(item: str, where: str) -> None:
    for text, target in LINK.findall(where):
        path = (PAGE.parent / target).resolve()
        assert path.is_file(), f"{item}: {target}"
        if found := CHECK.fullmatch(text):
            tag = rf"@{found[1]}\b"
            assert re.search(tag, features_of(path)), f"{item}: {text}"
