"""Bazel builds something twice, unmodified, and the second build is a hit.

It takes more time than a test of the gate may: pytest projects/04-file-cache/tests/check_bazel.py
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kata.world.owned import OwnedWorld

BAZEL = "@bazel/bazel-linux_x64@2.1.0"
TOKEN = "a-token-of-these-tests"
INSTALL_SECONDS = 180
BUILD_SECONDS = 120


@pytest.fixture
def bazel(tmp_path: Path) -> Path:
    folder = tmp_path / "bazel"
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true}')
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm on this machine")
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", BAZEL]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    if done.returncode != 0:
        pytest.skip(f"npm could not install Bazel: {done.stderr[-300:]}")
    found = next(path for path in folder.rglob("bazel-*linux*") if path.is_file())
    found.chmod(0o755)
    return found


def test_bazel(world: OwnedWorld, bazel: Path, tmp_path: Path) -> None:
    url = world.start({"WRITE_TOKENS": TOKEN}).urls[0]
    place = tmp_path / "workspace"
    place.mkdir()
    (place / "WORKSPACE").write_text("")
    (place / "BUILD").write_text('genrule(name = "tea", outs = ["tea.txt"], cmd = "echo green > $@")')

    def build(name: str) -> str:
        start = [str(bazel), f"--output_user_root={tmp_path / name}", "--batch"]
        remote = [f"--remote_cache={url}/cache/bazel", f"--remote_header=Authorization=Bearer {TOKEN}"]
        done = subprocess.run(
            [*start, "build", "//:tea", *remote, "--noshow_progress"],
            cwd=place,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_SECONDS,
        )
        told = done.stdout + done.stderr
        assert done.returncode == 0, told
        assert (place / "bazel-bin/tea.txt").read_text() == "green\n"
        return told

    assert "remote cache hit" not in build("first")
    assert "1 remote cache hit" in build("second")
