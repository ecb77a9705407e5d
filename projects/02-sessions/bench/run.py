"""`make bench-02`: the service beside starsessions, and its logins beside nothing but argon2.

All is measured in turn, in one run, on one Redis and one PostgreSQL; ratios are of medians. The peers get an
environment of their own under .data/bench-02, from requirements.txt, pinned by hash. Each server is one
process of granian. With `--quick` one sees only that it runs; with `--keep` the run is written to RESULTS.md.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from accounts import Account, make_accounts, signed_in

from kata.bench.answers import answer_of, check_alike
from kata.bench.contestants import Contestant, Load, Measure, load_on, serve, together
from kata.bench.peers import PeerEnvironment
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables
from kata.servers.postgres import EmbeddedPostgres
from kata.servers.valkey import EmbeddedValkey
from service_kit.migrations import migrate
from sessions.__main__ import MIGRATIONS

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-02"
PEERS = PeerEnvironment(DATA / "venv", HERE / "requirements.txt")
PACKAGES = ("starlette", "starsessions", "redis", "hiredis", "argon2-cffi", "granian")
OURS, LIBRARY, STARSESSIONS, RAW = "the service", "libs/auth", "starsessions", "argon2 alone"
QUIET, FLOODED = "without a flood", "during a flood"
MEMORY_KIB, PASSES = 19_456, 2
ACCOUNTS = 64  # more than there are logins at once: nobody is locked out
CONNECTIONS = 16
CALM_CONNECTIONS = 4  # of those whose answers are timed: what they wait is not for each other
# Two hashes and twenty that wait is what a process takes; the others are refused, and come again at once.
FLOOD_CONNECTIONS = 32
FLOOD_LEAD_SECONDS = 0.5
GRANIAN = (
    "--interface",
    "asgi",
    "--factory",
    "--http",
    "1",
    "--no-ws",
    "--host",
    "127.0.0.1",
    "--port",
    "{port}",
)


class Part(NamedTuple):
    """Contestants that are measured in turn, and what is claimed of them."""

    title: str
    measures: Mapping[str, Measure]
    ratios: Sequence[Ratio]
    bound: str
    unit: str = "a second"
    digits: int = 0


GUARDED_BOUND = """\
What bounds it: the server's one process. The service and libs/auth ask Redis once, starsessions twice: it
writes each session back. One question costs redis-py a third of the service's time, in its pool, its
timeouts and the streams of asyncio; libs/auth does without it, and all requests share one connection.
Litestar copies the route's handler for each guard; the service also logs and counts each request and checks
its head, which takes a tenth.
"""
LOGINS_BOUND = """\
What bounds them: argon2. A login also takes four scripts in Redis, a query in PostgreSQL and the request
itself. The service hashes in threads that give way to everything else (niceness 10): on a machine that has
other work this ratio says how much other work it had.
"""
PATIENCE_BOUND = f"""\
{FLOOD_CONNECTIONS} logins at once: two are hashed, twenty wait, the others get 503 and come again at once.
starsessions leaves it to Starlette, whose forty threads hash as many at once.
"""


def servers(database_url: str, redis_url: str, stack: ExitStack) -> dict[str, int]:
    """Start one process of each, and return their ports."""
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SMTP_URL": "smtp://127.0.0.1:1",  # no mail is sent
        "PUBLIC_ORIGIN": "http://127.0.0.1:8002",
        "ARGON2_MEMORY_KIB": str(MEMORY_KIB),
        "ARGON2_PASSES": str(PASSES),
    }
    ours, theirs = Path(sys.executable).with_name("granian"), PEERS.python.with_name("granian")
    commands = {
        OURS: [sys.executable, "-m", "sessions", "web"],
        LIBRARY: [str(ours), *GRANIAN, "auth_app:create_app"],
        STARSESSIONS: [str(theirs), *GRANIAN, "starsessions_app:create_app"],
    }
    return {name: serve(command, environment, HERE, stack) for name, command in commands.items()}


def guarded(ports: Mapping[str, int], accounts: Sequence[Account], stack: ExitStack) -> Part:
    measures: dict[str, Measure] = {}
    documents = {}
    for name, port in ports.items():
        logins = [
            account.claim() if name == LIBRARY else account.login() for account in accounts[:CONNECTIONS]
        ]
        asked = [signed_in(port, login) for login in logins]
        documents[name] = who(answer_of(port, asked[0]).document)
        measures[name] = load_on(name, port, asked, CONNECTIONS, stack)
    check_alike(documents)
    ratios = [Ratio(OURS, STARSESSIONS, 1.3), Ratio(LIBRARY, STARSESSIONS, 1.3)]
    return Part("A guarded route", measures, ratios, GUARDED_BOUND)


def who(document: object) -> object:
    """Leave what all of them tell: only ours have a token against CSRF."""
    return [document[name] for name in ("id", "email")] if isinstance(document, dict) else document


def logins(ports: Mapping[str, int], accounts: Sequence[Account], stack: ExitStack) -> Part:
    raw = Contestant([sys.executable, str(HERE / "raw_argon2.py"), str(MEMORY_KIB), str(PASSES)])
    stack.callback(raw.close)
    measures = {RAW: together([raw])}
    asked = [account.login() for account in accounts]
    for name in (OURS, STARSESSIONS):
        measures[name] = load_on(name, ports[name], asked, CONNECTIONS, stack)
    return Part("Logins", measures, [Ratio(OURS, RAW, 0.9)], LOGINS_BOUND)


def patience(ports: Mapping[str, int], accounts: Sequence[Account], stack: ExitStack) -> Part:
    """Time guarded requests, without and with as many logins as come."""
    measures: dict[str, Measure] = {}
    for name in (OURS, STARSESSIONS):
        asked = [signed_in(ports[name], account.login()) for account in accounts[:CALM_CONNECTIONS]]
        calm = Load(name, ports[name], asked, CALM_CONNECTIONS, stack)
        # Others than those who are timed: an account that has too many sessions loses its oldest.
        flood = [account.login()._replace(status=None) for account in accounts[CALM_CONNECTIONS:]]
        storm = Load(name, ports[name], flood, FLOOD_CONNECTIONS, stack)
        measures[f"{name}, {QUIET}"] = p99_of(calm)
        measures[f"{name}, {FLOODED}"] = p99_of(calm, storm)
    ratios = [Ratio(f"{OURS}, {FLOODED}", f"{OURS}, {QUIET}", 3.0, is_bound=True)]
    return Part("99 of 100 guarded requests", measures, ratios, PATIENCE_BOUND, "ms", 1)


def p99_of(calm: Load, storm: Load | None = None) -> Measure:
    """Measure milliseconds; a storm begins before and ends behind."""

    def measure(seconds: float) -> float:
        if storm is not None:
            storm.begin(seconds + 2 * FLOOD_LEAD_SECONDS)
            time.sleep(FLOOD_LEAD_SECONDS)
        calm.begin(seconds)
        outcome = calm.outcome()
        if storm is not None:
            storm.outcome()
        return outcome.p99_ms

    return measure


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    options = parser.parse_args()
    rounds, seconds = (1, 1.0) if options.quick else (options.rounds, options.seconds)
    PEERS.make()
    report = [circumstances(rounds, seconds, PEERS.versions(PACKAGES))]
    with ExitStack() as stack:
        postgres, redis = EmbeddedPostgres(DATA / "postgres"), EmbeddedValkey(DATA / "redis")
        for server in (postgres, redis):
            server.start()
            stack.callback(server.stop)
        url = postgres.create_database("sessions")
        migrate(url, MIGRATIONS)
        accounts = make_accounts(url, ACCOUNTS, MEMORY_KIB, PASSES)
        ports = servers(url, redis.url, stack)
        for make in (guarded, logins, patience):
            with ExitStack() as loads:
                part = make(ports, accounts, loads)
                rates = interleave(part.measures, rounds, seconds, lambda: None)
            figures = tables(rates, part.ratios, part.unit, part.digits)
            report.append(f"## {part.title}\n\n{figures}\n{part.bound}")
            print(report[-1], flush=True)
    if options.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
