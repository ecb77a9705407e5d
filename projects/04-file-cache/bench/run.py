"""`make bench-04`: FileCache beside diskcache and cachelib, the service beside nginx, and a million entries.

All is measured in turn, in one run; ratios are of medians. The Python peers get an environment of their own
under .data/bench-04, from requirements.txt, pinned by hash; nginx is Debian's. With `--quick` one sees only
that it runs; with `--keep` the run is written to RESULTS.md.
"""

import os
import shutil
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import web_server

from kata.bench.contestants import Contestant, Measure, load_on, serve, together
from kata.bench.load import Request
from kata.bench.peers import PeerEnvironment
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-04"
PEERS = PeerEnvironment(DATA / "venv", HERE / "requirements.txt")
PACKAGES = ("diskcache", "cachelib")
NAMES = {"OURS": "FileCache", "DISKCACHE": "diskcache", "CACHELIB": "cachelib"}
SIZES = {"1 KB": 1024, "64 KB": 65_536, "1 MB": 1_048_576}
# By whom each is to be so many times as fast; none where the aim is to say who wins.
AIMS = {("get", "1 KB"): 1.0, ("get", "64 KB"): 2.0, ("get", "1 MB"): 2.0}
AIMS |= {("set", "64 KB"): 2.5, ("set", "1 MB"): 2.5}
CEILING = 0.25
PROCESSES = 2
CONNECTIONS = 16
FILES = 64
FILE_BYTES = 65_536
SAMPLES = 2000
LIBRARY = """\
One process, 64 keys, values of random bytes. FileCache hashes each value (SHA-256) when it is set, and
verifies its checksums when it is got; neither of the peers does. diskcache keeps values below 32 KB in
SQLite. cachelib pickles. FileCache holds up to 64 MiB of what was read in memory, of each process, which is
all that is read here; the peers hold nothing but what the kernel does. A value that replaces another is
written into a file that was replaced before: ext4 takes 0.37 ms to make one where much was removed lately.
"""
SERVICE = f"""\
{FILES} files of 64 KB, {CONNECTIONS} connections with one request under way each, {PROCESSES} processes
each. nginx sends what is in the kernel's memory, and looks at none of it; it writes no log here, and the
service a line for each request. What bounds the service: Python, for a request more than for its bytes.
"""
GROWTH = """\
Of {entries:,} bodies of 100 bytes, beside a thousand of them; one connection, keys drawn from all. Memory
is what the worker has resident when it has answered. Clean-up goes through all of them meanwhile.
"""


def library(rounds: int, seconds: float) -> str:
    report = ["## Values, a second"]
    for what in ("get", "set"):
        for size, size_bytes in SIZES.items():
            with ExitStack() as stack:
                measures = contestants(what, size_bytes, stack)
                rates = interleave(measures, rounds, seconds, lambda: None)
            aim = AIMS.get((what, size))
            ratios = [Ratio(NAMES["OURS"], NAMES["DISKCACHE"], aim)] if aim else []
            report.append(f"### {what}, {size}\n\n{tables(rates, ratios)}")
            print(report[-1], flush=True)
    return "\n\n".join([*report, LIBRARY])


def contestants(what: str, size_bytes: int, stack: ExitStack) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for who, name in NAMES.items():
        folder = emptied(DATA / f"values-{who.lower()}")
        python = sys.executable if who == "OURS" else str(PEERS.python)
        command = [python, str(HERE / "contestant.py"), who, what, str(size_bytes), str(folder)]
        contestant = Contestant(command)
        stack.callback(contestant.close)
        found[name] = together([contestant])
    return found


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def start_service(folder: Path, processes: int, stack: ExitStack) -> int:
    environment = {"DATA_DIR": str(folder), "WEB_CONCURRENCY": str(processes), "BUDGET_BYTES": str(2**40)}
    return serve([sys.executable, "-m", "file_cache"], environment, HERE, stack)


def service(rounds: int, seconds: float) -> str:
    program = web_server.installed(DATA / "nginx")
    with ExitStack() as stack:
        ports = {"the service": start_service(emptied(DATA / "served"), PROCESSES, stack)}
        bodies = {f"/cache/{number}": os.urandom(FILE_BYTES) for number in range(FILES)}
        fill(ports["the service"], bodies)
        if program is not None:
            root = emptied(DATA / "files")
            (root / "cache").mkdir()
            for path, body in bodies.items():
                (root / path[1:]).write_bytes(body)
            command = web_server.command(program, DATA / "nginx-run", root, PROCESSES)
            ports["nginx"] = serve(command, {}, HERE, stack)
        requests = [Request(path) for path in bodies]
        measures = {name: load_on(name, port, requests, CONNECTIONS, stack) for name, port in ports.items()}
        rates = interleave(measures, rounds, seconds, lambda: None)
    ratios = [Ratio("the service", "nginx", CEILING)] if program is not None else []
    which = f"nginx {web_server.version(program)}" if program is not None else "nginx could not be had"
    return f"## Hits of 64 KB, a second\n\n{tables(rates, ratios)}\n{SERVICE}\n{which}.\n"


def fill(port: int, bodies: Mapping[str, bytes]) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        for path, body in bodies.items():
            if not client.put(path, content=body).is_success:
                raise SystemExit(f"{path} was not stored")


def growth(entries: int) -> str:
    lines = ["| entries | ready after, s | memory, MB | p50, ms | p99, ms |", "|--:|--:|--:|--:|--:|"]
    for count in (1000, entries):
        folder = emptied(DATA / "entries")
        store(folder, count)
        with ExitStack() as stack:
            began = time.perf_counter()
            port = start_service(folder, 1, stack)
            waits_ms, memory_mb = asked(port, count, began)
        ready, *rest = waits_ms
        p50, p99 = (statistics.quantiles(rest, n=100)[place] for place in (49, 98))
        lines.append(f"| {count:,} | {ready / 1000:.2f} | {memory_mb:.0f} | {p50:.2f} | {p99:.2f} |")
        print(lines[-1], flush=True)
    shutil.rmtree(DATA / "entries")
    return "\n".join(["## So many entries", "", *lines, "", GROWTH.format(entries=entries)])


def store(folder: Path, count: int) -> None:
    from file_cache.library import FileCache

    with FileCache(folder, budget_bytes=2**40, cleanup_seconds=None) as cache:
        for number in range(count):
            cache.set(str(number), b"x" * 100)


def asked(port: int, count: int, began: float) -> tuple[list[float], float]:
    """Return when it was ready, and how long each answer took; and its memory then."""
    from random import Random

    draw = Random(1)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        while client.get("/ready").status_code != httpx.codes.OK:
            time.sleep(0.01)
        waits_ms = [(time.perf_counter() - began) * 1000]
        for number in draw.choices(range(count), k=SAMPLES):
            sent = time.perf_counter()
            if client.get(f"/cache/{number}").status_code != httpx.codes.OK:
                raise SystemExit(f"{number} is not there")
            waits_ms.append((time.perf_counter() - sent) * 1000)
    return waits_ms, resident_mb(port)


def resident_mb(port: int) -> float:
    """Return what the largest process of the service has resident."""
    found = [0]
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environment = b"\0" + (folder / "environ").read_bytes()
                if f"\0PORT={port}\0".encode() in environment:
                    lines = (folder / "status").read_text().splitlines()
                    found += [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")]
            except OSError:
                continue
    return max(found) / 1024


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--entries", type=int, default=1_000_000, help="how many, in the last table")
    options = parser.parse_args()
    rounds, seconds, entries = (
        (1, 0.2, 2000) if options.quick else (options.rounds, options.seconds, options.entries)
    )
    PEERS.make()
    report = [circumstances(rounds, seconds, PEERS.versions(PACKAGES)), library(rounds, seconds)]
    report.append(service(rounds, seconds))
    print(report[-1], flush=True)
    report.append(growth(entries))
    print(report[-1], flush=True)
    if options.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
