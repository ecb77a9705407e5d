from pathlib import Path

import pytest

from kata.catalog.lesson import Block, blocks, contract_of, read_contract
from kata.catalog.projects import Project


def test_a_lesson_s_fenced_blocks_come_in_order() -> None:
    lesson = "Run:\n\n```sh run\nmake run-00\n\nls\n```\n\nIt says:\n\n```text\nok\n```\n"
    assert blocks(lesson) == [Block("sh", "run", "make run-00\n\nls\n"), Block("text", "", "ok\n")]


def test_a_fence_without_a_language_is_no_block() -> None:
    assert blocks("```\nls\n```\n") == []


def test_a_lesson_without_fences_has_no_blocks() -> None:
    assert blocks("Read `this` first.\n") == []


def test_an_item_belongs_to_the_checks_behind_it_over_all_its_lines() -> None:
    lesson = "## The contract\n\n- It answers `200`,\n  always. (C1, C12)\n- It ends. (S10)\n"
    said = "It answers 200, always"
    assert read_contract(lesson) == {"C1": said, "C12": said, "S10": "It ends"}


def test_a_check_with_several_items_has_them_all() -> None:
    lesson = "## The contract\n\n- It counts. (C1)\n- It forgets. (C1)\n"
    assert read_contract(lesson) == {"C1": "It counts. It forgets"}


def test_an_item_with_checks_in_its_middle_says_so_much_of_each() -> None:
    lesson = (
        "## The contract\n\n- It holds at once, (C1) in two processes, (C2) and\n  after a restart. (C3)\n"
    )
    assert read_contract(lesson) == {
        "C1": "It holds at once",
        "C2": "It holds at once, in two processes",
        "C3": "It holds at once, in two processes, and after a restart",
    }


def test_the_sentence_of_an_extension_stands_in_the_table() -> None:
    table = "| extension | what it does | checks |\n|---|---|---|\n| `page` | shows [it](a.md) | E1, E2 |\n"
    assert read_contract(f"## Go further\n\n{table}") == {"E1": "shows it", "E2": "shows it"}


@pytest.mark.parametrize("heading", ["## Steps", "### The contract", "## The contract of another"])
def test_what_stands_elsewhere_is_no_contract(heading: str) -> None:
    assert read_contract(f"{heading}\n\n- It answers. (C1)\n") == {}


def test_the_contract_ends_with_its_section() -> None:
    lesson = (
        "## The contract\n\n- It answers. (C1)\n\n### More\n\n- It ends. (C2)\n\n## Steps\n\n- Run it. (C3)\n"
    )
    assert read_contract(lesson) == {"C1": "It answers", "C2": "It ends"}


def test_a_project_has_the_contract_of_its_lesson(doubler: Project) -> None:
    assert contract_of(doubler.path)["C2"] == "A number above LARGEST is refused with 422"


def test_a_project_without_a_lesson_has_no_contract(tmp_path: Path) -> None:
    assert contract_of(tmp_path) == {}
