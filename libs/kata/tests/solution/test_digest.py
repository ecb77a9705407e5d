from pathlib import Path

import pytest

from kata.solution import digest as module
from kata.solution.digest import digest_of_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {"Procfile": "web: true\n", "src/app.py": "pass\n", "src/läsbar.txt": "ä"}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content"),
    [("Procfile", "web: false\n"), ("src/new.py", ""), ("app.py", "pass\n"), ("src/.hidden/../b.py", "b")],
)
def test_what_is_written_counts(folder: Path, name: str, content: str) -> None:
    before = digest_of_folder(folder)
    (folder / "src/.hidden").mkdir()
    (folder / name).write_text(content)
    assert digest_of_folder(folder) != before


def test_a_file_that_moves_makes_another_digest(folder: Path) -> None:
    before = digest_of_folder(folder)
    (folder / "src/app.py").rename(folder / "app.py")
    assert digest_of_folder(folder) != before


@pytest.mark.parametrize(
    "name", [".git/HEAD", ".env", "node_modules/a/b.js", "src/__pycache__/a.pyc", "target/x"]
)
def test_what_is_fetched_built_or_hidden_does_not(folder: Path, name: str) -> None:
    before = digest_of_folder(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("built")
    assert digest_of_folder(folder) == before
    assert before is not None
    assert before.startswith("sha256:")


def test_what_leads_elsewhere_does_not(folder: Path) -> None:
    before = digest_of_folder(folder)
    (folder / "link").symlink_to("/etc/hostname")
    (folder / "all").symlink_to("/")
    assert digest_of_folder(folder) == before


def test_what_is_too_large_has_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    assert digest_of_folder(folder) is None
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    monkeypatch.setattr(module, "MOST_FILES", 2)
    assert digest_of_folder(folder) is None
