"""`make bench-01`: us and the peers side by side, interleaved, in one run; ratios of medians.

The peers get an environment of their own under .data/bench-01, from requirements.txt, pinned by hash.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
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
DECISIONS = {
    "ours, fixed window": sys.executable,
    "limits, fixed window": str(PEERS),
    "ours, sliding window": sys.executable,
    "limits, moving window": str(PEERS),
    "limits, sliding window counter": str(PEERS),
    "ours, token bucket": sys.executable,
    "throttled-py, gcra": str(PEERS),
}
DECISION_RATIOS = [
    ("ours, fixed window", "limits, fixed window", 3.0),
    ("ours, sliding window", "limits, moving window", 3.0),
    ("ours, sliding window", "limits, sliding window counter", 3.0),
    ("ours, token bucket", "throttled-py, gcra", 1.4),
]
REQUEST_RATIOS = [
    ("the throttler", "flask-limiter", 2.0),
    ("the throttler", "bare route", 0.5),
    ("the throttler, no request log", "flask-limiter", 2.0),
    ("the throttler, no request log", "bare route", 0.5),
]


class Contestant:
    """A process that measures itself for as many seconds as it is told.

    Several are told first and asked then, so that they measure at the same time.
    """

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

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


def make_peers() -> None:
    """Install the peers, unless they are there."""
    if not PEERS.exists():
        uv = os.environ.get("UV", "uv")
        subprocess.run([uv, "venv", "-q", "--python", "3.13", str(DATA / "venv")], check=True)
        requirements = str(HERE / "requirements.txt")
        install = [uv, "pip", "install", "-q", "--python", str(PEERS), "--require-hashes", "-r", requirements]
        subprocess.run(install, check=True)


def decisions(
    url: str, processes: int, rounds: int, seconds: float, stack: ExitStack
) -> dict[str, list[float]]:
    measures = {}
    for name, python in DECISIONS.items():
        crew = [Contestant([python, str(HERE / "decide.py"), name, url]) for _ in range(processes)]
        for contestant in crew:
            stack.callback(contestant.close)
        measures[name] = decisions_per_second(crew)
    return interleave(url, measures, rounds, seconds)


def requests(url: str, rounds: int, seconds: float, stack: ExitStack) -> dict[str, list[float]]:
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
    measures = {}
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
        load = Contestant([sys.executable, str(HERE / "load.py"), str(port), str(CONNECTIONS)])
        stack.callback(load.close)
        measures[name] = requests_per_second(load, name)
    return interleave(url, measures, rounds, seconds)


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


def show(title: str, rates: dict[str, list[float]], ratios: list[tuple[str, str, float]]) -> None:
    print(f"\n{title} (median; lowest and highest)")
    for name, values in rates.items():
        print(
            f"  {name:<32} {statistics.median(values):>8,.0f}/s   {min(values):>8,.0f} … {max(values):,.0f}"
        )
    print()
    for one, other, aim in ratios:
        ratio = statistics.median(rates[one]) / statistics.median(rates[other])
        print(f"  {one} : {other} = {ratio:.2f}   (aim {aim})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", choices=["decisions", "requests"])
    arguments = parser.parse_args()
    make_peers()
    with ExitStack() as stack:
        server = EmbeddedValkey(DATA / "redis")
        server.start()
        stack.callback(server.stop)
        if arguments.only != "requests":
            for processes, title in ((1, "one process"), (PROCESSES, f"{PROCESSES} processes at once")):
                rates = decisions(server.url, processes, arguments.rounds, arguments.seconds, stack)
                show(f"Decisions by {title}", rates, DECISION_RATIOS)
        if arguments.only != "decisions":
            rates = requests(server.url, arguments.rounds, arguments.seconds, stack)
            title = f"Requests, {CONNECTIONS} connections, {PROCESSES} workers of {THREADS} threads"
            show(title, rates, REQUEST_RATIOS)


if __name__ == "__main__":
    main()
