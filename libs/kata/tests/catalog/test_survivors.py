import tomllib
from pathlib import Path

import pytest

from kata.catalog.mutants import Mutant
from kata.catalog.survivors import Judgement, Survivor, load_survivors, to_be_judged
from kata.errors import KataError

ENTRY = """
[[survivor]]
id = "app-1"
edit = "app.py: a -> b"
verdict = "outside"
reason = "nobody sees it"
"""


def test_a_project_without_the_file_has_no_survivors(tmp_path: Path) -> None:
    assert load_survivors(tmp_path) == {}


def test_survivors_are_read_by_their_ids(tmp_path: Path) -> None:
    (tmp_path / "survivors.toml").write_text(ENTRY)
    expected = Survivor("app-1", "app.py: a -> b", Judgement.OUTSIDE, "nobody sees it")
    assert load_survivors(tmp_path) == {"app-1": expected}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ENTRY + ENTRY, "app-1 stands twice"),
        (ENTRY.replace("outside", ""), "not a valid Judgement"),
        (ENTRY.replace("reason", "because"), "because"),
        (ENTRY.replace('verdict = "outside"\n', ""), "verdict"),
    ],
)
def test_a_malformed_file_of_survivors_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "survivors.toml").write_text(text)
    with pytest.raises(KataError, match=f"/survivors.toml: .*{problem}"):
        load_survivors(tmp_path)


def test_what_is_to_be_judged_is_an_entry_that_lacks_its_verdict() -> None:
    mutant = Mutant("app-1", 'app.py: "é" -> None', "app.py", "", "", ())
    (entry,) = tomllib.loads(to_be_judged([mutant]))["survivor"]
    assert entry == {"id": "app-1", "edit": 'app.py: "é" -> None', "verdict": "", "reason": ""}
