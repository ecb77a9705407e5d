"""What the last runs of all benches have shown, read from the RESULTS.md that each of them keeps."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RESULTS: Final = "bench/RESULTS.md"

_MADE = re.compile(r"^(\d{4}-\d{2}-\d{2}), (\d+ processors, [^,]+)", re.MULTILINE)
# Of Markdown, or of text whose figures are indented.
_TITLE = re.compile(r"^(?:#{2,} |(?=[A-Z]))(?P<title>[^|]*?)(?: \([^)]*\))?$")
_CLAIM = re.compile(
    r"^\| (?P<what>[^|]+ : [^|]+) \| (?P<ratio>[\d.,]+) \| (?P<aim>[^|]+) \|$"
    r"|^ +(?P<what_>\S.* : .*?) = (?P<ratio_>[\d.,]+) +\(aim: (?P<aim_>[^)]+)\)$"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Claim:
    """A ratio that was measured, and the aim that it is held against."""

    part: str
    what: str
    ratio: str
    aim: str

    @property
    def is_met(self) -> bool:
        number = _NUMBER.search(self.aim)
        ratio = float(self.ratio.replace(",", ""))
        if number is None:
            return False
        if self.aim.startswith("at most"):
            return ratio <= float(number[0])
        return ratio >= float(number[0])


@dataclass(frozen=True)
class LastRun:
    """The run that a project or a lib keeps."""

    owner: Path
    date: str
    machine: str
    claims: tuple[Claim, ...]


def last_runs(root: Path) -> Iterator[LastRun]:
    """Read them, of the projects and then of the libs; those that claim nothing are left out."""
    for path in [*sorted(root.glob(f"projects/*/{RESULTS}")), *sorted(root.glob(f"libs/*/{RESULTS}"))]:
        text = path.read_text()
        claims = tuple(claims_in(text))
        if claims and (made := _MADE.search(text)):
            yield LastRun(path.parents[1].relative_to(root), made[1], made[2], claims)


def claims_in(results: str) -> Iterator[Claim]:
    part = ""
    for line in results.splitlines():
        if claim := _CLAIM.match(line):
            yield Claim(part, *(claim[name] or claim[f"{name}_"] for name in ("what", "ratio", "aim")))
        elif title := _TITLE.match(line):
            part = title["title"]


def benchmark_table(root: Path) -> str:
    """Return all ratios beside their aims."""
    lines = ["| what | ratio of medians | measured | aim | met |", "|---|---|--:|--:|---|"]
    for run in last_runs(root):
        place = f"[{run.owner.name}](../{run.owner}/{RESULTS})"
        lines.append(f"| **{place}** | {run.date}, {run.machine} | | | |")
        for claim in run.claims:
            met = "yes" if claim.is_met else "no"
            lines.append(f"| {claim.part} | {claim.what} | {claim.ratio} | {claim.aim} | {met} |")
    return "\n".join([*lines, ""])


def benchmark_summary(root: Path) -> str:
    """Return how many of its aims each meets."""
    lines = ["| bench | aims met | last run |", "|---|--:|---|"]
    for run in last_runs(root):
        met = sum(claim.is_met for claim in run.claims)
        place = f"[{run.owner.name}]({run.owner}/{RESULTS})"
        lines.append(f"| {place} | {met} of {len(run.claims)} | {run.date}, {run.machine} |")
    return "\n".join([*lines, ""])
