from itertools import count

from kata.bench.rounds import Ratio, interleave, tables


def test_each_is_measured_in_turn_and_the_first_round_only_warms_up() -> None:
    numbers, emptied = count(), []
    measures = {"one": lambda _: float(next(numbers)), "other": lambda _: float(next(numbers))}

    rates = interleave(measures, 2, 0.1, lambda: emptied.append(True))

    assert rates == {"one": [2.0, 4.0], "other": [3.0, 5.0]}
    assert len(emptied) == 6


def test_ratios_are_of_medians() -> None:
    text = tables({"one": [10.0, 90.0, 30.0], "other": [20.0, 10.0, 12.0]}, [Ratio("one", "other", 2.0)])

    assert "| one | 30 | 10 | 90 |" in text
    assert "| one : other | 2.50 | 2.0 |" in text
