"""The doubler, a project in miniature, whole or with one thing broken; and the command line to verify it."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kata.catalog.projects import Project, load_project
from kata.cli import main

DOUBLER = Path(__file__).parent / "00-doubler"

type Solution = Callable[[*tuple[tuple[str, str], ...]], Path]
type Kata = Callable[[*tuple[object, ...]], tuple[object, str, str]]


@pytest.fixture(scope="session")
def doubler() -> Project:
    return load_project(DOUBLER)


@pytest.fixture
def solution(tmp_path: Path) -> Solution:
    """Copy the doubler as a learner's folder, each `find` in its app.py replaced by its `put`."""

    def make(*edits: tuple[str, str]) -> Path:
        folder = tmp_path / "mine"
        folder.mkdir()
        shutil.copy(DOUBLER / "Procfile", folder)
        source = (DOUBLER / "app.py").read_text()
        for find, put in edits:
            assert source.count(find) == 1, f"{find!r} stands {source.count(find)} times in app.py"
            source = source.replace(find, put)
        (folder / "app.py").write_text(source)
        return folder

    return make


@pytest.fixture
def kata(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Kata:
    """Run the command line in this process: its exit code, output without varying figures, and errors."""

    def run(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["kata", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        out, err = capsys.readouterr()
        return exit_.value.code, without_figures(out), without_figures(err)

    return run


def without_figures(text: str) -> str:
    """Blank what differs from run to run, or from shell to shell: seconds, ports, where kata lies."""
    text = re.sub(r"\S*kata verify", "kata verify", text)
    text = re.sub(r"\b\d+\.\d+ s\b", "… s", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:…", text)
    return re.sub(r"\+\d+\.\d{3}", "+…", text)
