import pytest

from kata.report.likeness import likeness, trace


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("429 for request 12 (9 of 9 used)", "429 for request 7 (4 of 4 used)"),
        ("after 0.213 s", "after 1.7 s"),
        ("rate:192.0.2.234:/ping without one", "rate:10.1.200.3:/ping without one"),
        ("an id 01a1f897-8389-7e56-bb05-4d72fbe26448", "an id 01a1f897-8405-71e1-a55a-712902953894"),
        ("at 2026-07-01T10:00:00.5+02:00", "at 2027-01-31T23:59:59Z"),
        ("twice -705", "twice 3"),
        ("200 {'word': '\u0449+7'}", "200 {'word': 'A-\u00e9'}"),
    ],
)
def test_what_is_drawn_leaves_no_trace(text: str, same: str) -> None:
    assert trace(text, text) == trace(same, same)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("200", "503"),
        ("429 for request 12", "200 for request 12"),
        ("connection reset", "connection refused"),
    ],
)
def test_what_tells_bugs_apart_does(text: str, other: str) -> None:
    assert trace("429", text) != trace("429", other)
    assert likeness(trace("429", text), [trace("429", other)]) < 1.0


def test_the_most_similar_of_several_counts() -> None:
    assert likeness("a | b", ["c | d", "a | b"]) == 1.0
    assert 0.0 < likeness("a | b", ["c | d"]) < 0.5
    assert likeness("a | b", []) == 0.0
