"""This library and its peers side by side, interleaved, in one run; ratios of medians.

All run in an environment of their own under .data/bench-rate-limit, from requirements.txt, pinned by hash;
the library is taken from src. With `--keep` the run is written to RESULTS.md.
"""

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import IO, NamedTuple

import redis

from kata.servers.valkey import EmbeddedValkey
from kata.system.ports import free_port

type Measure = Callable[[float], float]
"""Takes seconds, gives a rate."""

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-rate-limit"
PYTHON = DATA / "venv/bin/python"
PEERS = (
    "limits", "throttled-py", "flask-limiter", "slowapi", "flask", "fastapi", "granian", "redis", "hiredis",
)  # fmt: skip
CONNECTIONS = 64
THREADS = 4  # of a WSGI worker
PROCESSES = 2  # that decide: one a core of a small machine

THREADS_RATIOS = [
    ("ours, fixed window", "limits, fixed window", 3.0),
    ("ours, sliding window", "limits, moving window", 3.0),
    ("ours, sliding window", "limits, sliding window counter", 3.0),
    ("ours, gcra", "throttled-py, gcra", 1.4),
]
ASYNCIO_RATIOS = [
    ("ours, asyncio, fixed window", "limits, asyncio, fixed window", 3.0),
    ("ours, asyncio, gcra", "throttled-py, asyncio, gcra", 1.4),
]
ASGI_RATIOS = [("ours", "slowapi", 3.0), ("ours", "bare", 0.6)]
WSGI_RATIOS = [("ours", "flask_limiter", 2.0), ("ours", "bare", 0.5)]

type Ratios = list[tuple[str, str, float]]


class Contestant:
    """A process that measures itself for as many seconds as it is told.

    Several are told first and asked then, so that they measure at the same time.
    """

    def __init__(self, command: list[str], **environment: str) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent / "src"), **environment},
        )

    def begin(self, seconds: float) -> None:
        stdin, _ = self._pipes()
        stdin.write(f"{seconds}\n")
        stdin.flush()

    def result(self) -> list[str]:
        return self._pipes()[1].readline().split()

    def close(self) -> None:
        self._pipes()[0].close()
        self._process.wait(timeout=10)

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


def make_environment() -> None:
    """Install the peers, unless they are there."""
    if not PYTHON.exists():
        uv = os.environ.get("UV", "uv")
        subprocess.run([uv, "venv", "-q", "--python", "3.13", str(DATA / "venv")], check=True)
        requirements = str(HERE / "requirements.txt")
        install = [
            uv,
            "pip",
            "install",
            "-q",
            "--python",
            str(PYTHON),
            "--require-hashes",
            "-r",
            requirements,
        ]
        subprocess.run(install, check=True)


def deciding(ratios: Ratios, processes: int) -> Callable[[str, ExitStack], dict[str, Measure]]:
    """Make those who decide, each in so many processes."""

    def measures(url: str, stack: ExitStack) -> dict[str, Measure]:
        made = {}
        for name in dict.fromkeys(name for ratio in ratios for name in ratio[:2]):
            command = [str(PYTHON), str(HERE / "decide.py"), name, url]
            crew = [Contestant(command) for _ in range(processes)]
            for contestant in crew:
                stack.callback(contestant.close)
            made[name] = decisions_per_second(crew)
        return made

    return measures


def serving(interface: str, *names: str) -> Callable[[str, ExitStack], dict[str, Measure]]:
    """Make servers of one worker, each with the application of that name."""

    def measures(url: str, stack: ExitStack) -> dict[str, Measure]:
        return {name: served(interface, name, url, stack) for name in names}

    return measures


def served(interface: str, name: str, url: str, stack: ExitStack) -> Measure:
    port = free_port()
    process = subprocess.Popen(
        [
            str(PYTHON.with_name("granian")), "--interface", interface, "--factory", "--http", "1",
            "--no-ws", "--host", "127.0.0.1", "--port", str(port),
            *(["--blocking-threads", str(THREADS)] if interface == "wsgi" else []),
            f"{interface}_apps:{name}",
        ],
        env={**os.environ, "REDIS_URL": url, "PYTHONPATH": str(HERE.parent / "src")},
        stdout=subprocess.DEVNULL,
        cwd=HERE,
    )  # fmt: skip
    stack.callback(stop, process)
    wait_for(port)
    load = Contestant([sys.executable, str(HERE / "load.py"), str(port), str(CONNECTIONS)])
    stack.callback(load.close)
    return requests_per_second(load, name)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def decisions_per_second(crew: list[Contestant]) -> Measure:
    def measure(seconds: float) -> float:
        for contestant in crew:
            contestant.begin(seconds)
        return sum(float(contestant.result()[0]) for contestant in crew)

    return measure


def requests_per_second(load: Contestant, name: str) -> Measure:
    def measure(seconds: float) -> float:
        load.begin(seconds)
        rate, wrong = load.result()
        if wrong != "0":
            raise SystemExit(f"{name}: {wrong} answers were not 200")
        return float(rate)

    return measure


def interleave(url: str, measures: dict[str, Measure], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Measure each in turn, again and again, so that a slow moment of the machine hits all alike."""
    rates: dict[str, list[float]] = {name: [] for name in measures}
    with redis.Redis.from_url(url) as client:
        for number in range(rounds + 1):
            for name, measure in measures.items():
                client.flushall()
                rate = measure(seconds)
                if number:  # the first round warms up
                    rates[name].append(rate)
    return rates


def table(title: str, rates: dict[str, list[float]], ratios: Ratios) -> str:
    lines = [f"## {title}", "", "| who | median a second | lowest | highest |", "|---|--:|--:|--:|"]
    for name, values in rates.items():
        median = statistics.median(values)
        lines.append(f"| {name} | {median:,.0f} | {min(values):,.0f} | {max(values):,.0f} |")
    lines += ["", "| ratio of medians | | aim |", "|---|--:|--:|"]
    for one, other, aim in ratios:
        ratio = statistics.median(rates[one]) / statistics.median(rates[other])
        lines.append(f"| {one} : {other} | {ratio:.2f} | {aim} |")
    return "\n".join([*lines, ""])


def circumstances(rounds: int, seconds: float) -> str:
    site = DATA / "venv/lib/python3.13/site-packages"
    versions = {found.name.lower(): found.version for found in distributions(path=[str(site)])}
    peers = ", ".join(f"{name} {versions[name]}" for name in PEERS)
    return (
        f"# The last run\n\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, {platform.machine()}, "
        f"Python {platform.python_version()}.\n{peers}.\n{rounds} rounds of {seconds:g} s, interleaved.\n"
    )


class Bench(NamedTuple):
    """Contestants that are measured in turn."""

    kind: str
    title: str
    measures: Callable[[str, ExitStack], dict[str, Measure]]
    ratios: Ratios


ASGI_TITLE = f"Requests through ASGI (FastAPI), {CONNECTIONS} connections, one worker"
WSGI_TITLE = f"Requests through WSGI (Flask), {CONNECTIONS} connections, one worker of {THREADS} threads"
BENCHES = [
    Bench("decisions", "Decisions of one process", deciding(THREADS_RATIOS, 1), THREADS_RATIOS),
    Bench(
        "decisions",
        f"Decisions of {PROCESSES} processes",
        deciding(THREADS_RATIOS, PROCESSES),
        THREADS_RATIOS,
    ),
    Bench(
        "asyncio",
        "Decisions of asyncio, 64 tasks in one process",
        deciding(ASYNCIO_RATIOS, 1),
        ASYNCIO_RATIOS,
    ),
    Bench("asgi", ASGI_TITLE, serving("asgi", "bare", "ours", "slowapi"), ASGI_RATIOS),
    Bench("wsgi", WSGI_TITLE, serving("wsgi", "bare", "ours", "flask_limiter"), WSGI_RATIOS),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", choices=["decisions", "asyncio", "asgi", "wsgi"])
    parser.add_argument("--keep", action="store_true", help="write the run to RESULTS.md")
    arguments = parser.parse_args()
    make_environment()
    server = EmbeddedValkey(DATA / "redis")
    server.start()
    report = [circumstances(arguments.rounds, arguments.seconds)]
    try:
        for bench in BENCHES:
            if arguments.only in (None, bench.kind):
                with ExitStack() as stack:
                    measures = bench.measures(server.url, stack)
                    rates = interleave(server.url, measures, arguments.rounds, arguments.seconds)
                report.append(table(bench.title, rates, bench.ratios))
                print(report[-1], flush=True)
    finally:
        server.stop()
    if arguments.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
