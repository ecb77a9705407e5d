"""With the verifier of this repository, on a server of ten lines: one run for all that is asked."""

import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

PROJECT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120.0
SERVER = """
import http.server, os

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path in {"/health", "/ready"} else 404)
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answers).serve_forever()
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    (tmp_path / "Procfile").write_text("web: python server.py\n")
    (tmp_path / "server.py").write_text(SERVER)
    world = OwnedWorld(ProcfileTarget(PROJECT), ("postgres",), Draw())
    try:
        verifier = shlex.join([sys.executable, "-m", "kata"])
        url = world.start_alone({"VERIFIER": verifier, "SOLUTIONS_DIR": str(tmp_path)}, workers=1).urls[0]
        with httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=10) as client:
            yield client
    finally:
        world.close()


def test_a_server_of_ten_lines_is_alive_and_no_more(client: httpx.Client, tmp_path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client.get("/levels").status_code == 503:
        assert time.monotonic() < deadline
    run = client.post("/runs", json={"level_id": "01.1", "dir": str(tmp_path)}).json()
    while (shown := client.get(f"/runs/{run['id']}").json())["state"] in {"queued", "running"}:
        assert time.monotonic() < deadline, shown
        time.sleep(0.2)
    assert shown["state"] == "failed", shown
    level = shown["levels"][0]
    verdicts = {check["id"]: check["verdict"] for check in level["checks"]}
    assert verdicts["S1"] == "pass"
    assert verdicts["S2"] == "fail"
    report = next(check for check in level["checks"] if check["id"] == "S2")["tries"][0]["report"]["text"]
    assert "expected" in report
    assert client.get("/progress/01.1").json()["status"] == "IN_PROGRESS"
