"""`make bench-01`: the throttler beside Flask with flask-limiter, interleaved, in one run; ratios of medians.

The peer gets an environment of its own under .data/bench-01, from requirements.txt, pinned by hash. With
`--keep` the run is written to RESULTS.md. Decisions without HTTP are measured in libs/rate-limit.
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
from typing import IO

import redis

from kata.servers.valkey import EmbeddedValkey
from kata.system.ports import free_port

type Measure = Callable[[float], float]
"""Takes seconds, gives a rate."""

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-01"
PEERS = DATA / "venv/bin/python"
CONNECTIONS = 16
PROCESSES = 2  # of whoever decides, and of the server: one a core of a small machine, the same for all
THREADS = 2  # of each of the server's processes
PACKAGES = ("flask-limiter", "limits", "flask", "granian", "redis", "hiredis")
RATIOS = [
    ("the throttler", "flask-limiter", 2.0),
    ("the throttler", "bare route", 0.5),
    ("the throttler, no request log", "flask-limiter", 2.0),
    ("the throttler, no request log", "bare route", 0.5),
]


class Load:
    """A process that asks a server for as many seconds as it is told."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(self, seconds: float) -> float:
        """Return answers in a second, all of which were 200."""
        stdin, stdout = self._pipes()
        stdin.write(f"{seconds}\n")
        stdin.flush()
        rate, wrong = stdout.readline().split()
        if wrong != "0":
            raise SystemExit(f"{wrong} answers were not 200")
        return float(rate)

    def close(self) -> None:
        self._pipes()[0].close()
        self._process.wait(timeout=10)

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


def make_peers() -> None:
    """Install the peers, unless they are there."""
    if not PEERS.exists():
        uv = os.environ.get("UV", "uv")
        subprocess.run([uv, "venv", "-q", "--python", "3.13", str(DATA / "venv")], check=True)
        requirements = str(HERE / "requirements.txt")
        install = [uv, "pip", "install", "-q", "--python", str(PEERS), "--require-hashes", "-r", requirements]
        subprocess.run(install, check=True)


def requests(url: str, stack: ExitStack) -> dict[str, Measure]:
    environment = {
        **os.environ,
        "REDIS_URL": url,
        "LIMIT": "1000000",
        "WINDOW_SECONDS": "3600",
        "WEB_CONCURRENCY": str(PROCESSES),
        "WEB_THREADS": str(THREADS),
    }
    service = [sys.executable, "-m", "throttler"]
    servers = {
        "the throttler": (service, {}),
        "the throttler, no request log": (service, {"LOG_LEVEL": "warning"}),
        "flask-limiter": (peer("limited"), {}),
        "bare route": (peer("bare"), {}),
    }
    measures: dict[str, Measure] = {}
    for name, (command, extra) in servers.items():
        port = free_port()
        process = subprocess.Popen(
            [word.format(port=port) for word in command],
            env={**environment, **extra, "PORT": str(port)},
            stdout=subprocess.DEVNULL,
            cwd=HERE,
        )
        stack.callback(stop, process)
        wait_for(port)
        load = Load([sys.executable, str(HERE / "load.py"), str(port), str(CONNECTIONS)])
        stack.callback(load.close)
        measures[name] = load.measure
    return measures


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


def peer(factory: str) -> list[str]:
    granian = str(PEERS.with_name("granian"))
    return [
        granian, "--interface", "wsgi", "--factory", "--http", "1", "--no-ws",
        "--workers", str(PROCESSES), "--blocking-threads", str(THREADS),
        "--host", "127.0.0.1", "--port", "{port}", f"peer_app:{factory}",
    ]  # fmt: skip


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


def table(rates: dict[str, list[float]]) -> str:
    lines = ["| who | median a second | lowest | highest |", "|---|--:|--:|--:|"]
    for name, values in rates.items():
        median = statistics.median(values)
        lines.append(f"| {name} | {median:,.0f} | {min(values):,.0f} | {max(values):,.0f} |")
    lines += ["", "| ratio of medians | | aim |", "|---|--:|--:|"]
    for one, other, aim in RATIOS:
        ratio = statistics.median(rates[one]) / statistics.median(rates[other])
        lines.append(f"| {one} : {other} | {ratio:.2f} | {aim} |")
    return "\n".join([*lines, ""])


def circumstances(rounds: int, seconds: float) -> str:
    site = DATA / "venv/lib/python3.13/site-packages"
    versions = {found.name.lower(): found.version for found in distributions(path=[str(site)])}
    peers = ", ".join(f"{name} {versions[name]}" for name in PACKAGES)
    return (
        f"# The last run\n\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, {platform.machine()}, "
        f"Python {platform.python_version()}.\n{peers}.\n{rounds} rounds of {seconds:g} s, interleaved.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--keep", action="store_true", help="write the run to RESULTS.md")
    arguments = parser.parse_args()
    make_peers()
    with ExitStack() as stack:
        server = EmbeddedValkey(DATA / "redis")
        server.start()
        stack.callback(server.stop)
        rates = interleave(server.url, requests(server.url, stack), arguments.rounds, arguments.seconds)
    report = f"{circumstances(arguments.rounds, arguments.seconds)}\n{table(rates)}"
    print(report)
    if arguments.keep:
        (HERE / "RESULTS.md").write_text(report)


if __name__ == "__main__":
    main()
