"""The generated document and the running service agree: schemathesis reads the one and asks the other."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kata.solution.process import ManagedProcess
from kata.system.ports import free_port

START_SECONDS = 15.0


@pytest.fixture
def url(redis_url: str, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    settings = {
        "PORT": str(port),
        "REDIS_URL": redis_url,
        "LIMIT": "1000000",
        "WINDOW_SECONDS": "3600",
        "LOG_LEVEL": "error",
    }
    service = ManagedProcess("web", f"{sys.executable} -m throttler", tmp_path, os.environ | settings)
    service.start()
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(url):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield url
    assert service.terminate() == 0


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_the_service_does_what_its_document_says(url: str, tmp_path: Path) -> None:
    options = ["--checks", "all", "--max-examples", "10", "--seed", "1", "--generation-deterministic"]
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", *options, "--no-color"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Tested: 12" in run.stdout, run.stdout
