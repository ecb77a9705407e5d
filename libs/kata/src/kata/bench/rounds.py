"""Interleaved rounds, their medians, and the ratios that are claimed."""

import argparse
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from kata.bench.contestants import Measure


class Ratio(NamedTuple):
    """One claim: the median of the first is at least so many times that of the second, or at most."""

    one: str
    other: str
    aim: float
    is_bound: bool = False


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return the options that every bench has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--keep", action="store_true", help="write the run to RESULTS.md")
    return parser


def interleave(
    measures: Mapping[str, Measure], rounds: int, seconds: float, before: Callable[[], object]
) -> dict[str, list[float]]:
    """Measure each in turn, again and again, so that a slow moment of the machine hits all alike."""
    rates: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name, measure in measures.items():
            before()
            rate = measure(seconds)
            if number:  # the first round warms up
                rates[name].append(rate)
    return rates


def circumstances(rounds: int, seconds: float, versions: str) -> str:
    """Say when, where and with what a run was made."""
    return (
        f"# The last run\n\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, {platform.machine()}, "
        f"Python {platform.python_version()}.\n{versions}.\n{rounds} rounds of {seconds:g} s, interleaved; "
        f"load average before them {os.getloadavg()[0]:.1f}.\n"
    )


def tables(
    rates: Mapping[str, Sequence[float]], ratios: Sequence[Ratio], unit: str = "a second", digits: int = 0
) -> str:
    """Return two tables in Markdown: the rates of each, and the ratios of their medians beside their aims."""
    medians = {name: statistics.median(values) for name, values in rates.items()}
    lines = [f"| who | median {unit} | lowest | highest |", "|---|--:|--:|--:|"]
    for name, values in rates.items():
        figures = (medians[name], min(values), max(values))
        lines.append(f"| {name} | {' | '.join(f'{figure:,.{digits}f}' for figure in figures)} |")
    lines += ["", "| ratio of medians | | aim |", "|---|--:|--:|"]
    for one, other, aim, is_bound in ratios:
        ratio = medians[one] / medians[other]
        lines.append(f"| {one} : {other} | {ratio:.2f} | {'at most ' if is_bound else ''}{aim} |")
    return "\n".join([*lines, ""])
