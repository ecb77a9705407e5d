import io

import pytest

from kata.commands.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, text: str, /) -> int:
        raise BrokenPipeError(text)


def test_a_line_has_the_name_of_its_process_in_front() -> None:
    stdout = io.StringIO()
    console = Console(stdout)
    console.align(["web.1", "worker.1"])
    console.log("web.1", "up")
    console.say("both run")
    console.log("worker.1", "")
    assert stdout.getvalue() == "web.1    | up\nboth run\nworker.1 | \n"


def test_each_process_has_its_colour_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stdout = Terminal()
    console = Console(stdout)
    for name in ("web.1", "worker.1", "web.1"):
        console.log(name, "up")
    assert stdout.getvalue().splitlines() == [
        "\033[36mweb.1 |\033[0m up",
        "\033[33mworker.1 |\033[0m up",
        "\033[36mweb.1 |\033[0m up",
    ]

    monkeypatch.setenv("NO_COLOR", "1")
    stdout = Terminal()
    Console(stdout).log("web.1", "up")
    assert stdout.getvalue() == "web.1 | up\n"


def test_a_reader_that_has_gone_away_is_noticed_and_raises_nothing() -> None:
    console = Console(Closed())
    assert not console.closed
    console.log("web.1", "up")
    assert console.closed
