import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from kata.bench.contestants import Contestant, load_on, serve, together

SERVER = [sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1", "--protocol", "HTTP/1.1"]
ECHO = [sys.executable, "-c", "import sys\nfor line in sys.stdin: print(line.strip(), 'more', flush=True)"]


def test_a_server_is_loaded_and_its_answers_are_counted(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("here")
    with ExitStack() as stack:
        port = serve(SERVER, {}, tmp_path, stack)
        assert load_on("files", port, "/there", 2, stack)(0.2) > 0


def test_a_wrong_answer_ends_the_bench(tmp_path: Path) -> None:
    with ExitStack() as stack:
        port = serve(SERVER, {}, tmp_path, stack)
        with pytest.raises(SystemExit, match=r"files: [1-9][0-9]* answers were not 200"):
            load_on("files", port, "/missing", 2, stack)(0.2)


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
