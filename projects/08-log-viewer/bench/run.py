"""`make bench-08`: the service beside lnav and grep on one log, pages by time at three sizes, and idle tails.

lnav is Debian's package, extracted under .data/bench-08 and not installed; where there is none it is left
out by name. The log, 512 MB in 3.75 million lines, is made there by data.py. With `--quick` one sees only
that all this runs; with `--keep` the run is written to RESULTS.md.
"""

import random
import socket
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from data import MEGABYTE, NEEDLE, make_log, moment_of
from lnav import Lnav, find_lnav
from server import Server

from kata.bench.contestants import Measure
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables
from kata.system.ports import HOST

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-08"
SIZES = (5, 50, 512)
OURS, FIRST, LNAV, GREP = "the service", "the service, the first time", "lnav", "grep -c"
SETTINGS = {"SCAN_BYTES": str(2**40), "SCAN_MS": "60000", "MAX_TAILS": "200", "LOG_LEVEL": "warning"}
HISTOGRAM = """\
Entries by minute and level. lnav is started for each count. The first time, the service is asked just after
its start and reads all: one regular expression finds the times and levels of a block, of 120 lines here. A
block in which a line is of another form is read line by line, at about a twentieth of that. From then on the
service has counts of each mebibyte, looks whether the bytes are still there, and adds up.
"""
SEARCH = """\
A text that is in one of 10,000 lines. Both look at bytes; the service reads as entries what is around those
that it finds, answers them as JSON, and says which bytes it has passed over. What bounds it: to find the text
takes Python half of the time, and to copy the file into its memory a quarter. A mapped file would need no
copy, and would end the service where somebody cuts it meanwhile.
"""
PAGES = """\
From the request to the whole answer, of 100 entries at moments that are drawn. The first such query of a
file, which is not measured here, reads it once and makes the index of its times.
"""
TAILS = "Processor time of the service while 200 follow a log that nobody writes to.\n"


class Log(NamedTuple):
    """A log that was made."""

    path: Path
    megabytes: int
    lines: int


def timed(log: Log, count: Callable[[], int], expected: int) -> Measure:
    """Measure in MB a second. Raises SystemExit: it has not found what is there."""

    def measure(_: float) -> float:
        begun = time.perf_counter()
        found = count()
        seconds = time.perf_counter() - begun
        if found != expected:
            raise SystemExit(f"{found} were found, and not {expected}")
        return log.path.stat().st_size / MEGABYTE / seconds

    return measure


def count_all(server: Server, path: str) -> int:
    """Count by minute and level, part by part."""
    total = 0
    query: dict[str, str | int] = {"bucket_seconds": 60}
    while True:
        part = server.ask(f"{path}/histogram", query)
        buckets = part["buckets"]
        total += sum(int(one["entries"]) for one in buckets) if isinstance(buckets, list) else 0
        if part["next_cursor"] is None:
            return total
        query["cursor"] = str(part["next_cursor"])


def first_of(log: Log) -> Callable[[float], float]:
    """Count with a service that has just been started."""

    def measure(seconds: float) -> float:
        with Server(log.path.parent, SETTINGS) as server:
            path = server.path_of(log.path.name)
            return timed(log, lambda: count_all(server, path), log.lines)(seconds)

    return measure


def search_all(server: Server, path: str) -> int:
    total = 0
    query: dict[str, str | int] = {"q": NEEDLE, "limit": 1000}
    while True:
        page = server.ask(f"{path}/entries", query)
        entries = page["entries"]
        total += len(entries) if isinstance(entries, list) else 0
        if page["next_cursor"] is None:
            return total
        query["cursor"] = str(page["next_cursor"])


def grep(log: Log) -> int:
    run = subprocess.run(
        ["grep", "-c", "-F", NEEDLE, str(log.path)], capture_output=True, check=True, env={"LC_ALL": "C"}
    )
    return int(run.stdout)


def compared(server: Server, log: Log, lnav: Lnav | None, rounds: int) -> str:
    path = server.path_of(log.path.name)
    counts = {FIRST: first_of(log), OURS: timed(log, lambda: count_all(server, path), log.lines)}
    ratios = []
    count_all(server, path)
    if lnav is not None:
        counts[LNAV] = timed(log, lambda: lnav.histogram(log.path), log.lines)
        ratios += [Ratio(OURS, LNAV, 2), Ratio(FIRST, LNAV, 2)]
    found = grep(log)
    searches = {
        OURS: timed(log, lambda: search_all(server, path), found),
        GREP: timed(log, lambda: grep(log), found),
    }
    histogram = tables(interleave(counts, rounds, 0, lambda: None), ratios, "MB a second", 1)
    search = tables(
        interleave(searches, rounds, 0, lambda: None), [Ratio(OURS, GREP, 0.67)], "MB a second", 1
    )
    left_out = "" if lnav is not None else "lnav is not on this machine, and is left out.\n\n"
    return (
        f"## A histogram of {log.megabytes} MB\n\n{histogram}\n{left_out}{HISTOGRAM}\n"
        f"## A literal in {log.megabytes} MB\n\n{search}\n{SEARCH}"
    )


def paged(server: Server, logs: list[Log], amount: int) -> str:
    """Ask for pages at moments, of each size in turn."""
    draw = random.Random(8)
    paths = {log: server.path_of(log.path.name) for log in logs}
    for path in paths.values():
        server.ask(f"{path}/entries", {"from": moment_of(0), "limit": 1})
    took: dict[Log, list[float]] = {log: [] for log in logs}
    for _ in range(amount):
        for log in logs:
            number = draw.randrange(log.lines - 200)
            begun = time.perf_counter()
            page = server.ask(f"{paths[log]}/entries", {"from": moment_of(number), "limit": 100})
            took[log].append((time.perf_counter() - begun) * 1000)
            entries = page["entries"]
            if not isinstance(entries, list) or entries[0]["time"][:23] != moment_of(number)[:23]:
                raise SystemExit(f"not the page at {moment_of(number)}")
    lines = ["| MB | entries | median ms | 95 of 100 | aim |", "|--:|--:|--:|--:|--:|"]
    for log, values in took.items():
        p95 = statistics.quantiles(values, n=20)[18]
        lines.append(
            f"| {log.megabytes} | {log.lines:,} | {statistics.median(values):.1f} | {p95:.1f} | below 5 |"
        )
    return "\n".join(["## The page at a time", "", *lines, "", PAGES])


def followed(server: Server, log: Log, seconds: float) -> str:
    path = server.path_of(log.path.name)
    request = f"GET {path}/tail HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    amount = int(SETTINGS["MAX_TAILS"])
    with ExitStack() as stack:
        for _ in range(amount):
            connection = stack.enter_context(socket.create_connection((HOST, server.port)))
            connection.sendall(request)
            if b" 200 " not in connection.recv(4096):
                raise SystemExit("a tail was refused")
        time.sleep(1)
        before = server.processor_seconds()
        time.sleep(seconds)
        share = (server.processor_seconds() - before) / seconds * 100
    table = f"| tails | % of a core | aim |\n|--:|--:|--:|\n| {amount} | {share:.1f} | at most 5 |\n"
    return f"## Idle tails\n\n{table}\n{TAILS}"


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--quick", action="store_true", help="one short round, with a small log")
    options = parser.parse_args()
    rounds, amount, idle_seconds = (1, 20, 3.0) if options.quick else (options.rounds, 200, 60.0)
    folder = DATA / "logs"
    logs = []
    for megabytes in SIZES[: 1 if options.quick else None]:
        path = folder / f"{megabytes}.log"
        logs.append(Log(path, megabytes, make_log(path, megabytes)))
    lnav = find_lnav(DATA / "lnav")
    version = lnav.version if lnav is not None else "without lnav"
    report = [circumstances(rounds, 0, version)]
    with Server(folder, SETTINGS) as server:
        report.append(compared(server, logs[-1], lnav, rounds))
        print(report[-1], flush=True)
        report.append(paged(server, logs, amount))
        print(report[-1], flush=True)
        report.append(followed(server, logs[0], idle_seconds))
        print(report[-1], flush=True)
    if options.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
