"""`make bench-10`: the service beside pg_dump and pg_restore on one database, and a swap under load.

Both have the same PostgreSQL and the same programs of it. Ours are asked over HTTP, and prove what they have
made; the others do not. With `--quick` one sees only that all this runs; with `--keep` the run is written to
RESULTS.md.
"""

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from clients import coming_back
from data import MEGABYTE, make_database
from server import Server

from kata.bench.contestants import Measure
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables
from kata.servers.databases import PostgresServer
from kata.servers.postgres import EmbeddedPostgres
from kata.servers.postgres_programs import postgres_folder

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-10"
SIZES = (125, 625)
CLIENTS = 32
NAME = "shop"
OURS, DUMP = "the service", "pg_dump -Fc"
DRILL, RESTORE, RESTORE_TWO = "a drill", "pg_restore", "pg_restore -j2"
BACKUP = """\
Ours is from the request to the end of the run: the dump through zstd, the counts and hashes of all tables at
the same snapshot, and the fsync. pg_dump compresses by zlib on one core, and that bounds it.
"""
PROOF = """\
A drill is checksums, a scratch database, pg_restore, the comparison, and the end of that database; the others
restore pg_dump's own file into an empty database, and believe it. The price of the proof is what the phases
`checking` and `comparing` took.
"""
SWAP = """\
Each client connects, asks, and comes back at once. A gap is the longest time between two answers of a client.
"""
MEMORY = "The service with pg_dump or pg_restore, what they share counted once.\n"


class Bench:
    """A database of a size, with a service for it."""

    def __init__(self, postgres: PostgresServer, megabytes: int, stack: ExitStack) -> None:
        self.postgres = postgres
        self.megabytes = megabytes
        self.size_bytes = make_database(postgres, NAME, megabytes)
        self._dump = DATA / "pg_dump.custom"
        settings = {
            "DATABASE_URL": postgres.url(NAME),
            "DATA_DIR": str(DATA / "versions"),
            "POSTGRES_BIN": str(postgres_folder()),
            "LOG_LEVEL": "warning",
            "KEEP_LAST": "2",
        }
        self.server = stack.enter_context(Server(settings))
        self.version_id = ""
        self.sizes: dict[str, int] = {}
        self.shares: list[tuple[float, float]] = []

    def backup(self) -> float:
        seconds, run = self.server.run("/versions")
        self.version_id = str(run["version_id"])
        self.sizes[OURS] = self.server.size_bytes(self.version_id)
        return seconds

    def pg_dump(self) -> float:
        seconds = self._program("pg_dump", "-Fc", f"--file={self._dump}", NAME)
        self.sizes[DUMP] = self._dump.stat().st_size
        return seconds

    def drill(self) -> float:
        phases: dict[str, float] = {}
        seconds, _ = self.server.run(f"/versions/{self.version_id}/drill", phases=phases)
        self.shares.append((seconds, phases.get("checking", 0) + phases.get("comparing", 0)))
        return seconds

    def pg_restore(self, *options: str) -> float:
        self.postgres.create_database("beside", "template0")
        try:
            return self._program("pg_restore", *options, "--dbname=beside", str(self._dump))
        finally:
            with self.postgres.connect() as connection:
                connection.execute("DROP DATABASE beside WITH (FORCE)")

    def _program(self, name: str, *options: str) -> float:
        begun = time.perf_counter()
        done = subprocess.run(
            [str(postgres_folder() / name), *options],
            env={"PGPASSWORD": self.postgres.password, **location(self.postgres)},
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{name} has failed")
        return time.perf_counter() - begun


def location(postgres: PostgresServer) -> dict[str, str]:
    return {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "postgres"}


def rate(bench: Bench, take: Callable[[], float]) -> Measure:
    """Measure in MB of the database a second."""
    return lambda _: bench.size_bytes / MEGABYTE / take()


def compared(bench: Bench, rounds: int) -> str:
    backups = {OURS: rate(bench, bench.backup), DUMP: rate(bench, bench.pg_dump)}
    figures = tables(interleave(backups, rounds, 0, settle(bench)), [Ratio(OURS, DUMP, 4)], "MB a second", 1)
    ours, other = bench.sizes[OURS] / MEGABYTE, bench.sizes[DUMP] / MEGABYTE
    share = f"{ours / other:.2f} of that (aim: at most 1)"
    size = f"It takes {ours:.1f} MB, and pg_dump's file {other:.1f} MB: {share}.\n"
    restores = {
        DRILL: rate(bench, bench.drill),
        RESTORE: rate(bench, bench.pg_restore),
        RESTORE_TWO: rate(bench, lambda: bench.pg_restore("-j2")),
    }
    rates = interleave(restores, rounds, 0, settle(bench))
    proven = tables(rates, [Ratio(DRILL, RESTORE, 1), Ratio(DRILL, RESTORE_TWO, 1)], "MB a second", 1)
    price = statistics.median(proof / seconds for seconds, proof in bench.shares)
    told = f"The proof takes {100 * price:.0f} of 100 parts of a drill.\n"
    megabytes = round(bench.size_bytes / MEGABYTE)
    return (
        f"## A backup of {megabytes} MB\n\n{figures}\n{size}\n{BACKUP}\n"
        f"## A restore of {megabytes} MB\n\n{proven}\n{told}\n{PROOF}"
    )


def settle(bench: Bench) -> Callable[[], None]:
    """Have what the last has written on the disk, so that the next does not wait for it."""

    def checkpoint() -> None:
        with bench.postgres.connect() as connection:
            connection.execute("CHECKPOINT")

    return checkpoint


def swapped(bench: Bench, restores: int) -> str:
    """Restore under load, again and again."""
    url = bench.postgres.url(NAME)
    with coming_back(url, CLIENTS) as calm:
        time.sleep(3)
    swaps: list[float] = []
    refusals, counts, gaps = 0, set(), []
    for _ in range(restores):
        with coming_back(url, CLIENTS) as seen:
            _, run = bench.server.run("/restores", {"version_id": bench.version_id})
            swaps.append(float(str(run["swap_seconds"])))
        refusals += seen.refusals
        counts |= seen.counts
        gaps += seen.gaps
    lines = [
        "| | median | highest | aim |",
        "|---|--:|--:|--:|",
        row("swap, ms", swaps, "at most 1,000"),
        row("longest gap of a client, ms", gaps, "at most 1,000"),
        row("the same without a swap, ms", calm.gaps, ""),
    ]
    told = f"{restores} restores, {refusals} connections that failed, and no client saw another database.\n"
    if len(counts) != 1:
        raise SystemExit(f"clients saw {counts}")
    return "\n".join([f"## A swap under {CLIENTS} clients", "", *lines, "", told, SWAP])


def row(what: str, seconds: Sequence[float], aim: str) -> str:
    return f"| {what} | {statistics.median(seconds) * 1000:,.0f} | {max(seconds) * 1000:,.0f} | {aim} |"


def remembered(bench: Bench) -> tuple[float, float]:
    with bench.server.watched() as made:
        bench.backup()
    with bench.server.watched() as drilled:
        bench.drill()
    return made[0], drilled[0]


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--quick", action="store_true", help="one short round, with a small database")
    options = parser.parse_args()
    rounds, sizes, restores = (1, (20,), 1) if options.quick else (options.rounds, SIZES, 3)
    DATA.mkdir(parents=True, exist_ok=True)
    memory = ["| MB | making a version, MB | a drill, MB |", "|--:|--:|--:|"]
    with ExitStack() as stack:
        server = EmbeddedPostgres(DATA / "postgres")
        server.start()
        stack.callback(server.stop)
        version = server.address.run("pg_dump", "--version").stdout.decode().strip()
        report = [circumstances(rounds, 0, version)]
        for megabytes in sizes:
            with ExitStack() as services:
                bench = Bench(server.address, megabytes, services)
                made, drilled = remembered(bench)
                memory.append(f"| {bench.size_bytes / MEGABYTE:,.0f} | {made:.0f} | {drilled:.0f} |")
                if megabytes == sizes[-1]:
                    report.append(compared(bench, rounds))
                    print(report[-1], flush=True)
                    report.append(swapped(bench, restores))
                    print(report[-1], flush=True)
    report.append("\n".join(["## Memory", "", *memory, "", MEMORY]))
    print(report[-1], flush=True)
    if options.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
