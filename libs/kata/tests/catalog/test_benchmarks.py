"""What is read from the runs that benches keep."""

from pathlib import Path

import pytest

from kata.catalog.benchmarks import benchmark_summary, benchmark_table

TABLES = """# The last run

2026-11-26, 2 processors, x86_64, Python 3.13.0.

## Logins

| who | median a second | lowest | highest |
|---|--:|--:|--:|
| ours | 1,054 | 47 | 65 |

| ratio of medians | | aim |
|---|--:|--:|
| ours : theirs | 1,000.5 | 1.3 |
| a flood : none | 3.81 | at most 3.0 |
"""
TEXT = """# The last run

2026-11-27, 4 processors, aarch64, Python 3.13.0; the plans are left out.

Lateness of many (median)
  ours     5.5 ms

  p99, ours : theirs = 0.023   (aim: at most 0.1)
  p99, ours : others = 0.887   (no aim: not its default)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for owner, text in (
        ("projects/02-two", TABLES),
        ("libs/three", TEXT),
        ("projects/04-four", "# None yet\n"),
    ):
        path = tmp_path / owner / "bench/RESULTS.md"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return tmp_path


def test_every_ratio_stands_beside_its_aim(root: Path) -> None:
    assert benchmark_table(root).splitlines()[2:] == [
        "| **[02-two](../projects/02-two/bench/RESULTS.md)** | 2026-11-26, 2 processors, x86_64 | | | |",
        "| Logins | ours : theirs | 1,000.5 | 1.3 | yes |",
        "| Logins | a flood : none | 3.81 | at most 3.0 | no |",
        "| **[three](../libs/three/bench/RESULTS.md)** | 2026-11-27, 4 processors, aarch64 | | | |",
        "| Lateness of many | p99, ours : theirs | 0.023 | at most 0.1 | yes |",
    ]


def test_the_summary_counts_what_is_met(root: Path) -> None:
    assert benchmark_summary(root).splitlines()[2:] == [
        "| [02-two](projects/02-two/bench/RESULTS.md) | 1 of 2 | 2026-11-26, 2 processors, x86_64 |",
        "| [three](libs/three/bench/RESULTS.md) | 1 of 1 | 2026-11-27, 4 processors, aarch64 |",
    ]
