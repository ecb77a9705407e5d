"""`make bench-03`: us and the peers side by side, in one run; medians and their ratios.

The peers get an environment each under .data/bench-03 (arq wants a Redis client older than ours), pinned by
hash in requirements-*.txt. One worker process each, a hundred jobs at once. PostgreSQL has its own defaults,
and so pays for its commits; the Redis servers keep nothing on disk.
"""

import argparse
import os
import statistics
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack

import psycopg
from backlog import Cost, backlog, median_ms
from contestants import CONCURRENCY, DATA, HERE, Arq, Ours, Procrastinate, peer_python
from drain import drain
from lateness import Lateness, lateness
from psycopg import sql
from recovery import LEASE_SECONDS, arq_recovery, our_recovery

from kata.servers.postgres import EmbeddedPostgres
from kata.servers.valkey import EmbeddedValkey
from reminders.__main__ import MIGRATIONS
from service_kit.migrations import migrate

PEERS = ("arq", "procrastinate")
PARTS = ("lateness", "recovery", "drain", "backlog")
DEFAULT_POLL_SECONDS = 0.5
BUSY_POLL_SECONDS = 0.01
LATENESS_AIMS = {f"arq, polls every {DEFAULT_POLL_SECONDS:g} s": "aim: at most 0.1"}
CLAIMS = 50


def make_peers() -> None:
    """Install the peers, unless they are there."""
    uv = os.environ.get("UV", "uv")
    for name in PEERS:
        python = str(peer_python(name))
        if not peer_python(name).exists():
            subprocess.run([uv, "venv", "-q", "--python", "3.13", str(DATA / name)], check=True)
        requirements = str(HERE / f"requirements-{name}.txt")
        install = [uv, "pip", "sync", "-q", "--python", python, "--require-hashes", requirements]
        subprocess.run(install, check=True)


def new_database(postgres: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    return postgres.create_database(name)


def show_lateness(figures: Mapping[str, Lateness]) -> None:
    ours = figures[Ours.name]
    for name, figure in figures.items():
        print(
            f"  {name:<24} p50 {figure.p50_ms:>7.1f} ms   p99 {figure.p99_ms:>7.1f} ms"
            f"   worst {figure.worst_ms:>7.1f} ms   early {figure.early}"
        )
    print()
    for name, figure in figures.items():
        if name != Ours.name:
            ratio = ours.p99_ms / figure.p99_ms
            aim = LATENESS_AIMS.get(
                name, "no aim: not its default, and it asks Redis a hundred times a second"
            )
            print(f"  p99, ours : {name} = {ratio:.3f}   ({aim})")


def show_recovery(ours: list[float], arq: float, *, waited: bool) -> None:
    print(
        f"  {Ours.name:<24} {statistics.median(ours):>6.1f} s   {min(ours):.1f} … {max(ours):.1f}"
        f"   (a lease of {LEASE_SECONDS} s)"
    )
    how = "waited for" if waited else "not waited for: what its lock has left at the kill"
    print(f"  {'arq, its default':<24} {arq:>6.1f} s   ({how})")
    print(f"\n  arq : ours = {arq / statistics.median(ours):.1f}   (aim: at least 25)")


def show_backlog(costs: Mapping[int, Cost]) -> None:
    for size, cost in costs.items():
        low, high = min(cost.claim_seconds) * 1000, max(cost.claim_seconds) * 1000
        print(f"  {size:>9,} scheduled   {median_ms(cost):>6.1f} ms   {low:.1f} … {high:.1f}")
    smallest, largest = min(costs), max(costs)
    ratio = median_ms(costs[largest]) / median_ms(costs[smallest])
    print(f"\n  {largest:,} : {smallest:,} = {ratio:.2f}   (aim: flat, about 1)")
    for size, cost in costs.items():
        print(f"\n  The claim's plan at {size:,}:")
        print("\n".join(f"    {line}" for line in cost.plan))


def show_drain(rates: Mapping[str, list[float]]) -> None:
    for name, values in rates.items():
        print(
            f"  {name:<24} {statistics.median(values):>8,.0f}/s   {min(values):>8,.0f} … {max(values):,.0f}"
        )
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ours = medians.pop(Ours.name)
    print()
    for name, rate in medians.items():
        print(f"  ours : {name} = {ours / rate:.2f}   (aim: at least 1.5 of the better)")


def show_load() -> None:
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"\n{os.cpu_count()} processors; load average over 1, 5 and 15 minutes: {load}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of recovery and drain; lateness has one")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it runs")
    parser.add_argument("--wait", action="store_true", help="wait the five minutes of arq's recovery")
    arguments = parser.parse_args()
    parts = [arguments.only] if arguments.only else PARTS
    share = 10 if arguments.quick else 1
    rounds = 1 if arguments.quick else arguments.rounds
    make_peers()
    show_load()
    with ExitStack() as stack:
        postgres, cache, arq_redis = (
            EmbeddedPostgres(DATA / "postgres"),
            EmbeddedValkey(DATA / "redis"),
            EmbeddedValkey(DATA / "arq-redis"),
        )
        for server in (postgres, cache, arq_redis):
            server.start()
            stack.callback(server.stop)
        database_url = new_database(postgres, "reminders")
        migrate(database_url, MIGRATIONS)
        ours = Ours(database_url, cache.url)
        polling = Arq(arq_redis.url, DEFAULT_POLL_SECONDS)
        busy = Arq(arq_redis.url, BUSY_POLL_SECONDS)
        if "lateness" in parts:
            count, span_seconds = 10_000 // share, 60 / share
            print(f"\nLateness of {count:,} due over {span_seconds:g} s, each writes a line")
            show_lateness(lateness([ours, polling, busy], count, span_seconds))
        if "recovery" in parts:
            print("\nRecovery: from kill -9 of a worker to the next attempt (median; lowest and highest)")
            waited = arguments.wait
            show_recovery(our_recovery(ours, rounds), arq_recovery(polling, wait=waited), waited=waited)
        if "drain" in parts:
            count = 20_000 // share
            procrastinate = Procrastinate(new_database(postgres, "procrastinate"))
            print(f"\nDrain of {count:,} no-ops, {CONCURRENCY} at once (median; lowest and highest)")
            show_drain(drain([ours, busy, procrastinate], rounds, count))
        if "backlog" in parts:
            sizes = [size // share for size in (10_000, 100_000, 1_000_000)]
            print(f"\nA claim of {CONCURRENCY} while others wait for their time (median; lowest and highest)")
            show_backlog(backlog(ours, database_url, sizes, CLAIMS // share))
    show_load()


if __name__ == "__main__":
    main()
