from pathlib import Path

import pytest

from kata.catalog.overview import glossary, project_table
from kata.errors import KataError

PYPROJECT = '[project]\nname = "tea"\ndescription = "Tea, and when it is ready."\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one project, one lib and four terms."""
    for folder in ("projects/21-tea", "libs/kettle"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "projects/21-tea/pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "projects/21-tea/README.md").write_text(
        "# Tea\n\n- **No term**: it stands elsewhere.\n\n## Terms\n\n- **Pot**: a vessel,\n  with a lid.\n"
        "- **brew**: to wait.\n\n## Sources\n\n- **Nor this**: no.\n"
    )
    (tmp_path / "libs/kettle/README.md").write_text("# Kettle\n\n## Terms\n\n- **Boil**: to bubble.\n")
    (tmp_path / "CONTRIBUTING.md").write_text("# Contributing\n\n## Terms\n\n- **Cup**: a small pot.\n")
    return tmp_path


def test_projects_are_listed_with_what_they_say_they_are(root: Path) -> None:
    assert project_table(root).splitlines()[2:] == [
        "| [21-tea](projects/21-tea/README.md) | Tea, and when it is ready. |"
    ]


def test_terms_are_collected_in_the_order_of_the_alphabet(root: Path) -> None:
    assert glossary(root).splitlines() == [
        "- **Boil**: to bubble.",
        "- **brew**: to wait.",
        "- **Cup**: a small pot.",
        "- **Pot**: a vessel,",
        "  with a lid.",
    ]


def test_a_term_that_is_explained_twice_is_refused(root: Path) -> None:
    (root / "CONTRIBUTING.md").write_text("## Terms\n\n- **Pot**: another one.\n")
    with pytest.raises(KataError, match="two entries for Pot"):
        glossary(root)
