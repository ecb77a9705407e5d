from pathlib import Path

import pytest

from kata.catalog.requirements import render_requirements
from kata.errors import KataError

LISTED = """
tag = "std"

[[requirement]]
id = "1.10"
says = "the last"
out = "nobody asks for it"

[[requirement]]
id = "1.2"
says = "the first"
where = "the page"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "requirements.toml").write_text(LISTED)
    return tmp_path


def test_each_requirement_names_its_checks_or_where_or_why_not_in_their_order(project: Path) -> None:
    table = render_requirements(project, [("C1", "std-1.2"), ("C2", "step-1"), ("C3", "std-1.2")])
    assert table.splitlines()[2:] == [
        "| 1.2 | the first | C1, C3; the page |",
        "| 1.10 | the last | not met: nobody asks for it |",
    ]


def test_a_tag_that_is_not_listed_is_an_error(project: Path) -> None:
    with pytest.raises(KataError, match=r"does not list 9\.9"):
        render_requirements(project, [("C1", "std-9.9")])


def test_a_requirement_without_an_answer_is_an_error(project: Path) -> None:
    (project / "requirements.toml").write_text(LISTED.replace('where = "the page"', ""))
    with pytest.raises(KataError, match=r"nothing answers to 1\.2"):
        render_requirements(project, [])
