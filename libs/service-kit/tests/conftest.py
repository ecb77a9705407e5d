import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START_SECONDS = 50.0


@pytest.fixture(scope="session", params=["sample_flask", "sample_fastapi", "sample_litestar"])
def sample_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a sample service listens that all tests may ask, one sample after another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, f"{request.param}.py"],
        cwd=Path(__file__).parent,
        env=os.environ | {"PORT": str(port), "LOG_LEVEL": "error"},
        start_new_session=True,
    )
    deadline = time.monotonic() + START_SECONDS
    while not is_listening(port):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait(START_SECONDS) == 0


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
