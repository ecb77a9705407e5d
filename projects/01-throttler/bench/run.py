"""`make bench-01`: the throttler beside Flask with flask-limiter, interleaved, in one run; ratios of medians.

The peer gets an environment of its own under .data/bench-01, from requirements.txt, pinned by hash. With
`--keep` the run is written to RESULTS.md. Decisions without HTTP are measured in libs/rate-limit.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

import redis

from kata.bench.contestants import Measure, load_on, serve
from kata.bench.load import Request
from kata.bench.peers import PeerEnvironment
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables
from kata.servers.valkey import EmbeddedValkey

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-01"
PEERS = PeerEnvironment(DATA / "venv", HERE / "requirements.txt")
PING = [Request("/api/v1/ping")]
CONNECTIONS = 16
PROCESSES = 2  # of each server: one a core of a small machine, the same for all
THREADS = 2  # of each of the server's processes
PACKAGES = ("flask-limiter", "limits", "flask", "granian", "redis", "hiredis")
RATIOS = [
    Ratio("the throttler", "flask-limiter", 2.0),
    Ratio("the throttler", "bare route", 0.5),
    Ratio("the throttler, no request log", "flask-limiter", 2.0),
    Ratio("the throttler, no request log", "bare route", 0.5),
]


def requests(url: str, stack: ExitStack) -> dict[str, Measure]:
    environment = {
        "REDIS_URL": url,
        "LIMIT": "1000000",
        "WINDOW_SECONDS": "3600",
        "WEB_CONCURRENCY": str(PROCESSES),
        "WEB_THREADS": str(THREADS),
    }
    service = [sys.executable, "-m", "throttler"]
    servers = {
        "the throttler": (service, environment),
        "the throttler, no request log": (service, {**environment, "LOG_LEVEL": "warning"}),
        "flask-limiter": (peer("limited"), environment),
        "bare route": (peer("bare"), environment),
    }
    ports = {name: serve(command, settings, HERE, stack) for name, (command, settings) in servers.items()}
    return {name: load_on(name, port, PING, CONNECTIONS, stack) for name, port in ports.items()}


def peer(factory: str) -> list[str]:
    granian = str(PEERS.python.with_name("granian"))
    return [
        granian, "--interface", "wsgi", "--factory", "--http", "1", "--no-ws",
        "--workers", str(PROCESSES), "--blocking-threads", str(THREADS),
        "--host", "127.0.0.1", "--port", "{port}", f"peer_app:{factory}",
    ]  # fmt: skip


def main() -> None:
    options = arguments(__doc__).parse_args()
    PEERS.make()
    with ExitStack() as stack:
        server = EmbeddedValkey(DATA / "redis")
        server.start()
        stack.callback(server.stop)
        client = stack.enter_context(redis.Redis.from_url(server.url))
        measures = requests(server.url, stack)
        rates = interleave(measures, options.rounds, options.seconds, client.flushall)
    made = circumstances(options.rounds, options.seconds, PEERS.versions(PACKAGES))
    report = f"{made}\n{tables(rates, RATIOS)}"
    print(report)
    if options.keep:
        (HERE / "RESULTS.md").write_text(report)


if __name__ == "__main__":
    main()
