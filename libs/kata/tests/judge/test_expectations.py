import pytest

from kata.judge.expectations import describe_answer, expect
from kata.judge.timeline import timeline
from kata.judge.verdicts import CheckFailedError
from kata.network.exchange import Exchange
from kata.network.history import history


def test_a_rule_that_holds_says_nothing() -> None:
    expect(True, expected="200", got="200", rule="it answers")


def test_a_broken_rule_raises_what_the_report_needs() -> None:
    with pytest.raises(CheckFailedError) as caught:
        expect(
            False,
            expected="200",
            got=503,
            rule="it answers",
            exchanges=[Exchange(1.0, 1.1, 200), Exchange(1.5, 1.6, 503)],
            timing=True,
        )
    error = caught.value
    assert (error.expected, error.got, error.rule, error.timeline, error.timing) == (
        *("200", "503", "it answers", "+0.000 200 | +0.500 503 <-"),
        True,
    )


def test_the_timeline_is_of_all_since_the_check_began_where_none_is_given() -> None:
    history.begin()
    history.add([Exchange(1.0, 1.1, 200), Exchange(1.5, 1.6, 404, asked="GET /nowhere")])
    with pytest.raises(CheckFailedError) as caught:
        expect(False, expected="200", got="404")
    history.begin()
    assert caught.value.timeline == "+0.000 200 | +0.500 404 <- GET /nowhere"


def test_of_a_long_timeline_the_first_and_the_last_are_shown() -> None:
    exchanges = [Exchange(float(second), second + 0.1, 200 + second) for second in range(20)]
    last = " | ".join(f"+{second}.000 {200 + second}" for second in range(12, 20))
    assert timeline(exchanges) == f"+0.000 200 | ... | {last} <-"


def test_without_exchanges_there_is_no_timeline_and_no_doubt() -> None:
    history.begin()
    with pytest.raises(CheckFailedError) as caught:
        expect(False, expected="200", got="503", rule="it answers")
    assert (caught.value.timeline, caught.value.timing) == (None, False)


def test_an_answer_is_described_by_its_status() -> None:
    assert describe_answer(Exchange(0.0, 0.1, 404)) == "404"


def test_no_answer_is_described_by_its_reason() -> None:
    assert describe_answer(Exchange(0.0, 0.1, 0, error="connection reset")) == "no answer (connection reset)"
