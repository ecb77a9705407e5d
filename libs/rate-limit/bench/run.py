"""This library and its peers side by side, interleaved, in one run; ratios of medians.

All run in an environment of their own under .data/bench-rate-limit, from requirements.txt, pinned by hash;
the library is taken from its source. With `--keep` the run is written to RESULTS.md.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import redis

from kata.bench.contestants import Contestant, Measure, load_on, serve, together
from kata.bench.load import Request
from kata.bench.peers import PeerEnvironment
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables
from kata.servers.valkey import EmbeddedValkey

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-rate-limit"
PEERS = PeerEnvironment(DATA / "venv", HERE / "requirements.txt")
LIBRARIES = ("rate-limit", "redis-wire")  # with what it imports
SOURCE = {"PYTHONPATH": ":".join(str(HERE.parents[1] / name / "src") for name in LIBRARIES)}
PACKAGES = (
    "limits", "throttled-py", "flask-limiter", "slowapi", "flask", "fastapi", "granian", "redis", "hiredis",
)  # fmt: skip
PING = [Request("/ping")]
CONNECTIONS = 64
THREADS = 4  # of a WSGI worker
PROCESSES = 2  # that decide: one a core of a small machine

THREADS_RATIOS = [
    Ratio("ours, fixed window", "limits, fixed window", 3.0),
    Ratio("ours, sliding window", "limits, moving window", 3.0),
    Ratio("ours, sliding window", "limits, sliding window counter", 3.0),
    Ratio("ours, gcra", "throttled-py, gcra", 1.4),
]
ASYNCIO_RATIOS = [
    Ratio("ours, asyncio, fixed window", "limits, asyncio, fixed window", 3.0),
    Ratio("ours, asyncio, gcra", "throttled-py, asyncio, gcra", 1.4),
]
ASGI_RATIOS = [Ratio("ours", "slowapi", 3.0), Ratio("ours", "bare", 0.6)]
WSGI_RATIOS = [Ratio("ours", "flask_limiter", 2.0), Ratio("ours", "bare", 0.5)]

type Measures = Callable[[str, ExitStack], dict[str, Measure]]


def deciding(ratios: list[Ratio], processes: int) -> Measures:
    """Make those who decide, each in so many processes."""

    def measures(url: str, stack: ExitStack) -> dict[str, Measure]:
        made = {}
        for name in dict.fromkeys(name for ratio in ratios for name in (ratio.one, ratio.other)):
            command = [str(PEERS.python), str(HERE / "decide.py"), name, url]
            crew = [Contestant(command, SOURCE) for _ in range(processes)]
            for contestant in crew:
                stack.callback(contestant.close)
            made[name] = together(crew)
        return made

    return measures


def serving(interface: str, *names: str) -> Measures:
    """Make servers of one worker, each with the application of that name."""
    threads = ["--blocking-threads", str(THREADS)] if interface == "wsgi" else []

    def measures(url: str, stack: ExitStack) -> dict[str, Measure]:
        made = {}
        for name in names:
            command = [
                str(PEERS.python.with_name("granian")), "--interface", interface, "--factory", "--http", "1",
                "--no-ws", "--host", "127.0.0.1", "--port", "{port}", *threads, f"{interface}_apps:{name}",
            ]  # fmt: skip
            port = serve(command, {"REDIS_URL": url, **SOURCE}, HERE, stack)
            made[name] = load_on(name, port, PING, CONNECTIONS, stack)
        return made

    return measures


class Bench(NamedTuple):
    """Contestants that are measured in turn."""

    kind: str
    title: str
    measures: Measures
    ratios: list[Ratio]


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
    parser = arguments(__doc__)
    parser.add_argument("--only", choices=["decisions", "asyncio", "asgi", "wsgi"])
    options = parser.parse_args()
    PEERS.make()
    server = EmbeddedValkey(DATA / "redis")
    server.start()
    report = [circumstances(options.rounds, options.seconds, PEERS.versions(PACKAGES))]
    try:
        for bench in BENCHES:
            if options.only in (None, bench.kind):
                with ExitStack() as stack:
                    client = stack.enter_context(redis.Redis.from_url(server.url))
                    measures = bench.measures(server.url, stack)
                    rates = interleave(measures, options.rounds, options.seconds, client.flushall)
                report.append(f"## {bench.title}\n\n{tables(rates, bench.ratios)}")
                print(report[-1], flush=True)
    finally:
        server.stop()
    if options.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
