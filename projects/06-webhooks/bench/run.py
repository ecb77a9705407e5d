"""`make bench-06`: the service beside a FastAPI route with the senders' library and a commit for each event.

Both are measured in turn, in one run, on one PostgreSQL with its own defaults, which pays for its commits;
ratios are of medians. The peer gets an environment of its own under .data/bench-06, from requirements.txt,
pinned by hash. With `--quick` one sees only that it runs; with `--keep` the run is written to RESULTS.md.
"""

import base64
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
from forwarding import forwarded_after_ms
from psycopg import sql
from verification import CHECKED, LIBRARY, VERIFIED, verification_us

from kata.bench.contestants import Contestant, serve
from kata.bench.peers import PeerEnvironment
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables
from kata.network.callback_server import CallbackServer
from kata.servers.postgres import EmbeddedPostgres
from service_kit.migrations import migrate
from webhooks.__main__ import MIGRATIONS

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-06"
PEERS = PeerEnvironment(DATA / "venv", HERE / "requirements.txt")
PACKAGES = ("fastapi", "standardwebhooks", "psycopg", "granian")
OURS, NAIVE = "the service", "FastAPI and standardwebhooks"
CONNECTIONS = 64
PROCESSES = 2
MOST_PER_SECOND = 30_000
KEY = b"k" * 32
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
OPERATOR = "31415926535897932384"
GRANIAN = (
    *("--interface", "asgi", "--factory", "--http", "1", "--no-ws", "--workers", str(PROCESSES)),
    *("--host", "127.0.0.1", "--port", "{port}"),
)
ACKNOWLEDGED = f"""\
{CONNECTIONS} connections, each with one delivery of 300 bytes under way, all of them new; {PROCESSES}
processes each. An answer comes when its event is committed, here as there. The service looks its source up
for each batch, keeps what it rejects, logs and counts; the route knows its one secret and does nothing else.

What bounds it: the processors, which the sender and PostgreSQL share with it.
"""
LATENCY = "The same measurements: how long 99 of 100 answers took at most.\n"
VERIFICATION = """\
Of 300 bytes by one HMAC secret, in processor time; the lowest of many. The library is given the headers as it
wants them, and parses the JSON besides.
"""
FORWARDING = """\
From the answer to the call of the destination in milliseconds, one event at a time and one worker.
"""


class Sender:
    """Sends to one contestant, and remembers how long its answers took."""

    def __init__(self, port: int, seconds: float, stack: ExitStack) -> None:
        amount = str(int(MOST_PER_SECOND * seconds))
        command = [str(HERE / "sender.py"), str(port), str(CONNECTIONS), SECRET, amount]
        self._process = Contestant([sys.executable, *command])
        stack.callback(self._process.close)
        self.p99s_ms: list[float] = []

    def measure(self, seconds: float) -> float:
        """Return the rate. Raises SystemExit: an answer was no 202."""
        self._process.begin(seconds)
        rate, wrong, _, p99_ms = self._process.result()
        if wrong != "0":
            raise SystemExit(f"{wrong} answers were no 202")
        self.p99s_ms.append(float(p99_ms))
        return float(rate)


def new_database(postgres: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    return postgres.create_database(name)


def environment(url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "SECRET": SECRET,
        "OPERATOR_TOKEN": OPERATOR,
        "ALLOW_PRIVATE_DESTINATIONS": "true",
        "WEB_CONCURRENCY": str(PROCESSES),
    }


def start(urls: Mapping[str, str], destination: str, stack: ExitStack) -> dict[str, int]:
    """Start both, with a source whose secret the sender knows, and return their ports."""
    commands = {
        OURS: [sys.executable, "-m", "webhooks", "web"],
        NAIVE: [str(PEERS.python.with_name("granian")), *GRANIAN, "naive_app:create_app"],
    }
    ports = {name: serve(commands[name], environment(urls[name]), HERE, stack) for name in commands}
    source = {"name": "shop", "scheme": "standard-webhooks", "secret": SECRET, "destination": destination}
    made = httpx.post(
        f"http://127.0.0.1:{ports[OURS]}/api/v1/sources",
        json=source,
        headers={"Authorization": f"Bearer {OPERATOR}"},
        trust_env=False,
    )
    if made.status_code != httpx.codes.CREATED:
        raise SystemExit(made.text)
    return ports


def acknowledged(ports: Mapping[str, int], rounds: int, seconds: float) -> str:
    with ExitStack() as stack:
        senders = {name: Sender(port, seconds, stack) for name, port in ports.items()}
        measures = {name: sender.measure for name, sender in senders.items()}
        rates = interleave(measures, rounds, seconds, lambda: None)
    p99s_ms = {name: sender.p99s_ms[1:] for name, sender in senders.items()}
    rate_table = tables(rates, [Ratio(OURS, NAIVE, 4)])
    latency_table = tables(p99s_ms, [Ratio(OURS, NAIVE, 0.25, is_bound=True)], "ms", 1)
    return (
        f"## Acknowledgements\n\n{rate_table}\n{ACKNOWLEDGED}\n"
        f"## 99 of 100 acknowledgements\n\n{latency_table}\n{LATENCY}"
    )


def verified() -> str:
    figures = verification_us(PEERS.python, KEY, SECRET)
    lines = ["| what | us | aim |", "|---|--:|--:|"]
    aims = {CHECKED: "at most 2", VERIFIED: "", LIBRARY: ""}
    lines += [f"| {name} | {figures[name]:.1f} | {aim} |" for name, aim in aims.items()]
    return "\n".join(["## Verification", "", *lines, "", VERIFICATION])


def forwarded(url: str, port: int, sink: CallbackServer, amount: int) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM events")  # what was sent before goes nowhere
    command = [sys.executable, "-m", "webhooks", "worker"]
    worker = subprocess.Popen(command, env={**os.environ, **environment(url)}, stdout=subprocess.DEVNULL)
    try:
        waits_ms = forwarded_after_ms(port, KEY, sink, amount)
    finally:
        worker.terminate()
        worker.wait(20)
    p50, p99 = (statistics.quantiles(waits_ms, n=100)[place] for place in (49, 98))
    table = (
        f"| events | p50 | p99 | aim |\n|--:|--:|--:|--:|\n| {amount} | {p50:.1f} | {p99:.1f} | below 50 |\n"
    )
    return f"## From the acknowledgement to the destination\n\n{table}\n{FORWARDING}"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    options = parser.parse_args()
    rounds, seconds, amount = (1, 1.0, 50) if options.quick else (options.rounds, options.seconds, 500)
    PEERS.make()
    report = [circumstances(rounds, seconds, PEERS.versions(PACKAGES)), verified()]
    print(report[-1], flush=True)
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(DATA / "postgres")
        postgres.start()
        stack.callback(postgres.stop)
        sink = stack.enter_context(CallbackServer())
        urls = {OURS: new_database(postgres, "webhooks"), NAIVE: new_database(postgres, "naive")}
        migrate(urls[OURS], MIGRATIONS)
        ports = start(urls, sink.url("/events"), stack)
        report.append(acknowledged(ports, rounds, seconds))
        print(report[-1], flush=True)
        report.append(forwarded(urls[OURS], ports[OURS], sink, amount))
        print(report[-1], flush=True)
    if options.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
