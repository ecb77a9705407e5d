"""What a page says that a command prints, compared with what it has printed."""

from kata.pages import Command, Printed, pattern, unlike


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
