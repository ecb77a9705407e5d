import pytest

from kata.errors import ProcfileError
from kata.solution.procfile import parse_procfile


def test_each_line_is_a_process_type_and_its_command() -> None:
    text = "web: node server.js --port $PORT\nworker: python -m worker: now\n"
    assert parse_procfile(text) == {"web": "node server.js --port $PORT", "worker": "python -m worker: now"}


def test_blank_lines_comments_spaces_and_windows_line_ends_do_not_matter() -> None:
    text = "\ufeff# how to start it\r\n\r\n  web :   ./run  \r\n# worker: not yet\r\nrelease_2-x:true"
    assert parse_procfile(text) == {"web": "./run", "release_2-x": "true"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web: a\nworker", "Procfile, line 2: expected `type: command`, got `worker`"),
        ("# one\n\nmy web: a", "Procfile, line 3: expected `type: command`, got `my web: a`"),
        ("web:  ", "Procfile, line 1: `web` has no command"),
        ("web: a\nweb: b", "Procfile, line 2: `web` is there twice"),
        ("\n# nothing\n", "the Procfile names no process; it needs at least a line `web: command`"),
    ],
)
def test_a_malformed_file_is_refused_with_the_line(text: str, message: str) -> None:
    with pytest.raises(ProcfileError) as caught:
        parse_procfile(text)
    assert str(caught.value) == message
