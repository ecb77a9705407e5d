"""The first command on a machine on which others have left their marks."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def make(folder: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def checkout(folder: Path, environment_of: Path) -> Path:
    """Make a checkout whose environment, so it says, was made where that is."""
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    (folder / ".uv/bin").mkdir(parents=True)
    shutil.copy("/bin/true", folder / ".uv/bin/uv")
    (folder / ".venv").mkdir()
    (folder / ".venv/.ready").write_text(f"{environment_of}\n")
    return folder


def test_an_environment_is_used_where_it_was_made(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "here", tmp_path / "here")
    assert make(folder, "-n", "doctor") == ".venv/bin/kata doctor\n"


def test_a_moved_checkout_makes_its_environment_anew(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "there", tmp_path / "here")
    assert "rm -rf .venv" in make(folder, "-n", "doctor")


def test_what_others_export_reaches_no_tool(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "here", tmp_path / "here")
    with (folder / "Makefile").open("a") as makefile:
        makefile.write("\nenvironment:\n\t@env\n")
    shown = make(
        folder,
        "environment",
        PIP_TARGET="/elsewhere",
        PIP_USER="1",
        PYTHONHOME="/elsewhere",
        PYTHONPATH="/elsewhere",
        UV_PROJECT_ENVIRONMENT="/elsewhere",
        PGHOSTADDR="192.0.2.1",
        CDPATH="/elsewhere",
        BASH_ENV="/elsewhere",
        PIP_INDEX_URL="https://packages.example/simple",
    )
    assert "PATH=" in shown
    assert "elsewhere" not in shown
    assert "PIP_USER" not in shown
    assert "PGHOSTADDR" not in shown
    assert "PIP_INDEX_URL=https://packages.example/simple" in shown


def test_a_folder_may_have_a_blank_in_its_name(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "here", tmp_path / "here")
    (folder / "projects/01-throttler").mkdir(parents=True)
    (folder / ".venv/bin").mkdir()
    (folder / ".venv/bin/kata").write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    (folder / ".venv/bin/kata").chmod(0o755)
    assert make(folder, "verify-01", "DIR=my folder") == "<verify><01><--dir><my folder>"


def test_without_the_compose_plugin_one_line_says_so(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "here", tmp_path / "here")
    (folder / "projects/01-throttler").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text("#!/bin/sh\necho 'unknown command: compose' >&2\nexit 1\n")
    (tmp_path / "bin/docker").chmod(0o755)
    shown = make(folder, "up-01", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert "there is no docker with the compose plugin on this machine" in shown
    assert "unknown" not in shown
