from pathlib import Path

import pytest

from kata.bench import peers
from kata.errors import LaunchError


def test_without_uv_it_says_in_one_line_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(peers, "ROOT", tmp_path)
    for named in (None, str(tmp_path / "no-uv")):
        monkeypatch.delenv("UV", raising=False)
        if named is not None:
            monkeypatch.setenv("UV", named)

        with pytest.raises(LaunchError, match=r"^there is no uv .*: make \.uv/bin/uv$"):
            peers.PeerEnvironment(tmp_path / "venv", tmp_path / "requirements.txt").make()


def test_the_uv_that_the_makefile_has_fetched_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr(peers, "ROOT", tmp_path)
    uv = tmp_path / ".uv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    uv.chmod(0o755)

    peers.PeerEnvironment(tmp_path / "venv", tmp_path / "requirements.txt").make()

    assert [line.split()[0] for line in (tmp_path / "asked").read_text().splitlines()] == ["venv", "pip"]
