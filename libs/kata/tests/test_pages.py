"""What a page says that a command prints, compared with what it has printed."""

import os
from pathlib import Path

import pytest

from kata.pages import Command, Printed, follow, pattern, unlike

PAGE = """
```text ~/hello.txt
hello
```

```console background
$ echo begun; sh -c 'trap "exit 0" INT; while :; do sleep 0.1; done'; true
begun
```

```console
$ cat ~/hello.txt; touch ~/done
hello
```

```console docker
$ touch ~/with-docker
```
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}


def test_a_page_is_followed_from_top_to_bottom(tmp_path: Path, environment: dict[str, str]) -> None:
    follow(PAGE, tmp_path, environment)
    assert (tmp_path / "done").exists()
    assert not (tmp_path / "with-docker").exists()
    follow(PAGE, tmp_path, environment, ["docker"])
    assert (tmp_path / "with-docker").exists()


@pytest.mark.parametrize("wrong", ["begun\n```", "hello\n```\n\n```console docker"])
def test_a_command_that_prints_something_else_is_told(
    tmp_path: Path, environment: dict[str, str], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kata.pages._START_SECONDS", 1.0)
    with pytest.raises(AssertionError, match="something else"):
        follow(PAGE.replace(wrong, f"something else\n{wrong}"), tmp_path, environment)


def test_the_wildcard_stands_for_part_of_a_line_or_for_any_lines() -> None:
    wanted = pattern(["one …", "…", "last"])
    assert wanted.fullmatch("one 1\nlast\n")
    assert wanted.fullmatch("one 1\ntwo\nthree\nlast\n")
    assert not wanted.fullmatch("one 1\nlast\nmore\n")
    assert not wanted.fullmatch("two\nlast\n")


def test_another_output_and_a_failure_are_told_from_what_the_page_says() -> None:
    command = Command("echo one", ["one"], background=False)
    assert unlike(command, Printed("one\n", "", 0)) is None
    assert unlike(command, Printed("two\n", "", 0)) is not None
    assert unlike(command, Printed("one\n", "", 1)) is not None
