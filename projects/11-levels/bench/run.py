"""`make bench-11`: the first verdict of a run beside `kata verify` alone, and a class that follows its runs.

With `--quick` one sees only that all this runs; with `--keep` the run is written to RESULTS.md.
"""

import asyncio
import json
import math
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

import httpx

from kata.bench.rounds import arguments, circumstances
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

HERE = Path(__file__).parent
PROJECT = HERE.parent
SOLUTION = PROJECT.with_name("01-throttler")
LEVEL, NUMBER, STEP = "01.1", "01", "1"
KATA = [sys.executable, "-m", "kata"]
SCRIPTED = [
    sys.executable,
    "-S",
    str(PROJECT / "features" / "scripted_verifier.py"),
    str(PROJECT / "tests" / "catalogue.json"),
]
OPERATOR = "the-operator-of-this-bench"
API = "/api/v1"
LEARNERS = 200
PAGE = ("/levels", "/progress", "/runs?limit=10", "/bests")
PATIENCE_SECONDS = 120.0
FIRST = """\
From the request to the first verdict of step 1 of project 01, and no further. The queue costs a poll of the
worker, of 0.2 s at most, a start of the process between, and a look of the feed, of 0.1 s at most.
"""
CLASS = """\
Each of 200 learners loads the page, asks for a run and follows it, all at once, over one web process. Two
workers judge one run after the other with a verifier that plays a script. An event is late by the time from
when PostgreSQL has kept it until its reader has it. Those who wait for their run share one question.
"""


class Told(NamedTuple):
    """An event of a run, and how late its reader had it, in ms."""

    kind: str
    late_ms: float


@contextmanager
def running(settings: dict[str, str], workers: int) -> Iterator[str]:
    """Start the service, and return its address."""
    world = OwnedWorld(ProcfileTarget(PROJECT), ("postgres",), Draw())
    try:
        yield world.start_alone(settings, workers=workers).urls[0]
    finally:
        world.close()


def until_first(lines: IO[bytes], mark: bytes) -> float:
    """Return when a line came that has the mark."""
    for line in lines:
        if mark in line:
            return time.perf_counter()
    raise SystemExit("there was no verdict")


def alone() -> float:
    """Return the seconds to the first verdict of `kata verify`."""
    begun = time.perf_counter()
    command = [*KATA, "verify", NUMBER, "--dir", str(SOLUTION), "--step", STEP, "--events"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        seconds = until_first(process.stdout, b'"event": "check"') - begun
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    return seconds


def queued(client: httpx.Client) -> float:
    """Return the seconds to the first verdict of a run."""
    begun = time.perf_counter()
    run = client.post("/runs", json={"level_id": LEVEL, "dir": str(SOLUTION)}).raise_for_status().json()["id"]
    with client.stream("GET", f"/runs/{run}/events") as stream:
        seconds = next(time.perf_counter() for line in stream.iter_lines() if line == "event: check") - begun
    client.delete(f"/runs/{run}")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client.get(f"/runs/{run}").json()["finished_at"] is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return seconds


def first_verdicts(rounds: int) -> str:
    took: dict[str, list[float]] = {"kata verify": [], "a run": []}
    settings = {"VERIFIER": shlex.join(KATA), "SOLUTIONS_DIR": str(SOLUTION.parent)}
    with running(settings, 1) as url, httpx.Client(base_url=f"{url}{API}", timeout=60) as client:
        while client.get("/levels").status_code != httpx.codes.OK:
            time.sleep(0.2)
        for number in range(rounds + 1):
            for name, measure in (("kata verify", alone), ("a run", lambda: queued(client))):
                seconds = measure()
                if number:  # the first round warms up
                    took[name].append(seconds)
    lines = ["| who | median s | 99 of 100 | highest |", "|---|--:|--:|--:|"]
    lines += [
        f"| {name} | {statistics.median(values):.2f} | {p99(values):.2f} | {max(values):.2f} |"
        for name, values in took.items()
    ]
    ours, theirs = took["a run"], took["kata verify"]
    bound = 1.1 * p99(theirs) + 1
    verdict = "within" if p99(ours) <= bound else "above"
    aim = f"The aim, 10 % and a second above `kata verify`, is {bound:.2f} s: the run is {verdict} it.\n"
    return "\n".join(["## The first verdict", "", *lines, "", aim, FIRST])


def p99(values: list[float]) -> float:
    """Return the value that 99 of 100 do not exceed: of fewer than a hundred the highest."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


async def events_of(client: httpx.AsyncClient, run: str) -> AsyncIterator[Told]:
    async with client.stream("GET", f"/runs/{run}/events") as stream:
        kind = ""
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                at = datetime.fromisoformat(json.loads(line.removeprefix("data: "))["at"])
                yield Told(kind, (datetime.now(UTC) - at).total_seconds() * 1000)


async def learn(
    url: str, token: str, folder: Path, pages: list[float], all_loaded: asyncio.Barrier
) -> list[float]:
    """Load the page, ask for a run, follow it to its end, and return how late each of its events was."""
    headers = {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=4)
    timeout = httpx.Timeout(PATIENCE_SECONDS)
    async with httpx.AsyncClient(
        base_url=f"{url}{API}", headers=headers, limits=limits, timeout=timeout
    ) as client:
        begun = time.perf_counter()
        for answer in await asyncio.gather(*map(client.get, PAGE)):
            answer.raise_for_status()
        pages.append(time.perf_counter() - begun)
        await all_loaded.wait()
        asked = await client.post("/runs", json={"level_id": "tea.1", "dir": str(folder)})
        told = [one async for one in events_of(client, asked.raise_for_status().json()["id"])]
    if told[-1].kind != "end":
        raise SystemExit("a run was not followed to its end")
    return [one.late_ms for one in told]


async def class_of(url: str, root: Path, count: int) -> tuple[list[float], list[float], float]:
    learners: list[tuple[str, Path]] = []
    async with httpx.AsyncClient(base_url=f"{url}{API}", timeout=30) as operator:
        for number in range(count):
            name = f"learner-{number}"
            headers = {"Authorization": f"Bearer {OPERATOR}"}
            made = await operator.post("/learners", json={"name": name}, headers=headers)
            folder = root / name / "tea"
            folder.mkdir(parents=True)
            (folder / "Procfile").write_text("web: true\n")
            learners.append((made.raise_for_status().json()["token"], folder))
    pages: list[float] = []
    all_loaded = asyncio.Barrier(count)
    begun = time.perf_counter()
    lates = await asyncio.gather(
        *(learn(url, token, folder, pages, all_loaded) for token, folder in learners)
    )
    return pages, [late for one in lates for late in one], time.perf_counter() - begun


def processor_seconds(url: str) -> float:
    text = httpx.get(f"{url}/metrics").text
    found = [line.split()[1] for line in text.splitlines() if line.startswith("process_cpu_seconds_total ")]
    return float(found[0]) if found else math.nan


def followed(count: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        settings = {
            "VERIFIER": shlex.join(SCRIPTED),
            "SOLUTIONS_DIR": folder,
            "OPERATOR_TOKEN": OPERATOR,
            "LOG_LEVEL": "warning",
        }
        with running(settings, 2) as url:
            before = processor_seconds(url)
            pages, lates, seconds = asyncio.run(class_of(url, root, count))
            share = (processor_seconds(url) - before) / seconds * 100
    lines = [
        "| what | median | 99 of 100 | highest |",
        "|---|--:|--:|--:|",
        f"| a page is loaded, s | {statistics.median(pages):.2f} | {p99(pages):.2f} | {max(pages):.2f} |",
        f"| an event is late, ms | {statistics.median(lates):.0f} | {p99(lates):.0f} | {max(lates):.0f} |",
    ]
    events = f"{len(lates):,} events in {seconds:.0f} s"
    note = f"{count} learners, {events}; the web process took {share:.0f} % of a core.\n"
    return "\n".join(["## A class", "", *lines, "", note, CLASS])


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=20, seconds=0.0)
    parser.add_argument("--quick", action="store_true", help="one round, and a class of ten")
    options = parser.parse_args()
    rounds, count = (1, 10) if options.quick else (options.rounds, LEARNERS)
    report = [circumstances(rounds, 0, "kata and the scripted verifier of this repository")]
    for part in (followed(count), first_verdicts(rounds)):
        print(part, flush=True)
        report.append(part)
    if options.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
