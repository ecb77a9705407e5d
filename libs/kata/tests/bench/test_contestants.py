import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from kata.bench.contestants import Contestant, Load, load_on, serve, together
from kata.bench.load import Request

SERVER = [sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1", "--protocol", "HTTP/1.1"]
ANSWERS = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(int(self.headers["X-Status"]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
MAKER = [sys.executable, "-c", ANSWERS]
ECHO = [sys.executable, "-c", "import sys\nfor line in sys.stdin: print(line.strip(), 'more', flush=True)"]


def test_a_server_is_loaded_and_its_answers_are_counted(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("here")
    with ExitStack() as stack:
        port = serve(SERVER, {}, tmp_path, stack)
        assert load_on("files", port, [Request("/there")], 2, stack)(0.2) > 0


def test_another_status_can_be_the_expected_one(tmp_path: Path) -> None:
    request = Request("/things", "POST", {"X-Status": "201"}, "body", 201)
    with ExitStack() as stack:
        load = Load("maker", serve(MAKER, {}, tmp_path, stack), [request], 2, stack)
        load.begin(0.2)
        outcome = load.outcome()
    assert outcome.rate > 0
    assert 0 < outcome.p50_ms <= outcome.p99_ms


def test_requests_are_sent_in_turn(tmp_path: Path) -> None:
    requests = [Request("/", "POST", {"X-Status": str(code)}, "body", code) for code in (201, 409, 200)]
    with ExitStack() as stack:
        port = serve(MAKER, {}, tmp_path, stack)
        assert load_on("maker", port, requests, 1, stack)(0.2) > 0
        with pytest.raises(SystemExit, match="not the expected ones"):
            load_on("maker", port, [*requests, requests[0]._replace(status=204)], 1, stack)(0.2)


def test_a_wrong_answer_ends_the_bench(tmp_path: Path) -> None:
    with ExitStack() as stack:
        port = serve(SERVER, {}, tmp_path, stack)
        with pytest.raises(SystemExit, match=r"files: [1-9][0-9]* answers were not the expected ones"):
            load_on("files", port, [Request("/missing")], 2, stack)(0.2)


def test_a_server_that_ends_at_once_is_not_waited_for(tmp_path: Path) -> None:
    with ExitStack() as stack, pytest.raises(SystemExit, match="did not start"):
        serve([sys.executable, "-c", ""], {}, tmp_path, stack)


def test_a_crew_is_told_together_and_summed() -> None:
    crew = [Contestant(ECHO), Contestant(ECHO)]
    try:
        assert together(crew)(1.5) == 3.0
    finally:
        for contestant in crew:
            contestant.close()
