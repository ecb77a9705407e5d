import json
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from kata.bench.answers import answer_of, check_alike
from kata.bench.contestants import serve
from kata.bench.load import Request

SERVER = [sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1"]


def test_an_answer_is_read_and_another_status_ends_the_bench(tmp_path: Path) -> None:
    (tmp_path / "there.json").write_text(json.dumps({"a": 1}))
    with ExitStack() as stack:
        port = serve(SERVER, {}, tmp_path, stack)
        answer = answer_of(port, Request("/there.json"))
        with pytest.raises(SystemExit, match="GET /missing: 404"):
            answer_of(port, Request("/missing"))
    assert answer.document == {"a": 1}
    assert answer.headers["content-type"] == "application/json"


def test_contestants_that_answer_differently_end_the_bench() -> None:
    check_alike({"one": {"a": 1, "b": 2}, "other": {"b": 2, "a": 1}})
    with pytest.raises(SystemExit, match="third answers"):
        check_alike({"one": [1], "other": [1], "third": [2]})
