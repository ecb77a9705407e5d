"""`make bench-05`: the service beside the textbook's FastAPI and SQLAlchemy, on the same 100,000 tasks.

All is measured in turn, in one run; ratios are of medians. The textbook gets an environment of its own under
.data/bench-05, from requirements.txt, pinned by hash. Each server is one process of granian. With `--quick`
one sees only that it runs; with `--keep` the run is written to RESULTS.md.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from data import ORGANISATION, TASKS, TOKEN, fill, place_at, some_ids

from kata.bench.answers import answer_of, check_alike
from kata.bench.contestants import Measure, load_on, serve
from kata.bench.load import Request
from kata.bench.peers import PeerEnvironment
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables
from kata.servers.postgres import EmbeddedPostgres
from mini_rest.__main__ import MIGRATIONS
from mini_rest.cursors import Cursors
from mini_rest.domain import Listing
from service_kit.migrations import migrate

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-05"
PEERS = PeerEnvironment(DATA / "venv", HERE / "requirements.txt")
PACKAGES = ("fastapi", "sqlalchemy", "psycopg", "pydantic", "granian")
CONNECTIONS = 16
OURS, TEXTBOOK = "the service", "the textbook"
BARE, LOGGED, UNLOGGED = "bare route", "bare route with the middleware", "the service without it"
SECRET = "27182818284590452353"
PATH = f"/api/v1/organisations/{ORGANISATION}/tasks"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SMALL_PAGE = 10
OF_EACH = {"id", "created_at", "updated_at"}  # differ from one new task to the next
DEEP_PAGE = TASKS // SMALL_PAGE  # page 10,000
GRANIAN = ("--interface", "asgi", "--http", "1", "--no-ws", "--host", "127.0.0.1", "--port", "{port}")


class Part(NamedTuple):
    """Contestants that are measured in turn, and what is claimed of them."""

    title: str
    requests: Mapping[str, Sequence[Request]]
    """By contestant: a server's name, and perhaps a comma and what it is asked for."""
    ratios: Sequence[Ratio]
    bound: str


READ_BOUND = """\
What bounds a read: the server's one process. A third of its time is SQLAlchemy, a quarter psycopg, a sixth
the event loop, a tenth the service's own code, and Litestar has what is left. Both sides ask through the
same two libraries, the service twice (who asks, and for what), the textbook three times within a
transaction. The aim would ask for a read without an ORM, and the ORM is what this lesson is about.
"""
LIST_BOUND = """\
The same, and 21 rows which the ORM makes. A list's statement is composed at each request, for its filters
differ; those of a read are composed once.
"""
PAGES_BOUND = """\
A page begins at its cursor's place in the index, and reads what it shows; OFFSET reads all that it skips.
"""
ROUTE_BOUND = """\
What bounds it: Python. Called without a server, Litestar takes 20 us for the bare route, and the middleware
adds 24, of which random ids, metrics, JSON and the write of the line are 7.
"""
READ_LOGGED_BOUND = """\
The same 24 us beside a request that does something.
"""
CREATION_BOUND = """\
As with a read; then the commit, which waits for the disk on both sides.
"""


def get(query: str = "") -> Request:
    return Request(PATH + query, headers=HEADERS)


def parts(url: str) -> list[Part]:
    reads = [get(f"/{task_id}") for task_id in some_ids(url, 500)]
    body = json.dumps({"title": "Water the plants", "notes": "all of them", "due_at": "2030-01-01T00:00:00Z"})
    creation = [Request(PATH, "POST", {**HEADERS, "Content-Type": "application/json"}, body, 201)]
    skipped = (DEEP_PAGE - 1) * SMALL_PAGE
    cursor = Cursors(SECRET).write(ORGANISATION, Listing(), place_at(url, skipped))
    pages = {
        f"{OURS}, page 1": [get(f"?limit={SMALL_PAGE}")],
        f"{OURS}, page {DEEP_PAGE:,}": [get(f"?limit={SMALL_PAGE}&cursor={cursor}")],
        f"{TEXTBOOK}, page 1": [get(f"?limit={SMALL_PAGE}")],
        f"{TEXTBOOK}, page {DEEP_PAGE:,}": [get(f"?limit={SMALL_PAGE}&offset={skipped}")],
    }
    shallow, deep, *_ = pages
    ping = [Request("/ping")]
    thrice, more = Ratio(OURS, TEXTBOOK, 3.0), Ratio(OURS, TEXTBOOK, 1.5)
    as_fast = Ratio(shallow, deep, 1.2, is_bound=True)
    on_a_route, on_a_read = Ratio(LOGGED, BARE, 0.85), Ratio(OURS, UNLOGGED, 0.85)
    return [
        Part("Read a task", {OURS: reads, TEXTBOOK: reads}, [thrice], READ_BOUND),
        Part("List 20 tasks", {OURS: [get()], TEXTBOOK: [get()]}, [thrice], LIST_BOUND),
        Part(f"Pages of {SMALL_PAGE} tasks", pages, [as_fast], PAGES_BOUND),
        Part("The middleware on a bare route", {LOGGED: ping, BARE: ping}, [on_a_route], ROUTE_BOUND),
        Part("The middleware on a read", {OURS: reads, UNLOGGED: reads}, [on_a_read], READ_LOGGED_BOUND),
        # The last, for the table grows by it.
        Part("Make a task", {OURS: creation, TEXTBOOK: creation}, [more], CREATION_BOUND),
    ]


def servers(url: str, stack: ExitStack) -> dict[str, int]:
    """Start one process of each, and return their ports."""
    environment = {"DATABASE_URL": url, "OPERATOR_TOKEN": "31415926535897932384", "CURSOR_SECRET": SECRET}
    ours, theirs = Path(sys.executable).with_name("granian"), PEERS.python.with_name("granian")
    commands = {
        OURS: [sys.executable, "-m", "mini_rest", "web"],
        TEXTBOOK: [str(theirs), *GRANIAN, "textbook:app"],
        BARE: [str(ours), *GRANIAN, "--factory", "middleware_apps:bare"],
        LOGGED: [str(ours), *GRANIAN, "--factory", "middleware_apps:logged"],
        UNLOGGED: [str(ours), *GRANIAN, "--factory", "middleware_apps:service_without_middleware"],
    }
    return {name: serve(command, environment, HERE, stack) for name, command in commands.items()}


def check(part: Part, ports: Mapping[str, int]) -> None:
    """See that all who are asked for the same thing answer alike. Raises SystemExit."""
    documents: dict[str, dict[str, object]] = {}
    for name, requests in part.requests.items():
        server, _, asked_for = name.partition(", ")
        answer = answer_of(ports[server], requests[0]).document
        if requests[0].status == 201 and isinstance(answer, dict):
            answer = {field: answer[field] for field in answer.keys() - OF_EACH}
        documents.setdefault(asked_for, {})[server] = answer
    for alike in documents.values():
        check_alike(alike)


def measures(part: Part, ports: Mapping[str, int], stack: ExitStack) -> dict[str, Measure]:
    return {
        name: load_on(name, ports[name.partition(",")[0]], requests, CONNECTIONS, stack)
        for name, requests in part.requests.items()
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    options = parser.parse_args()
    rounds, seconds = (1, 1.0) if options.quick else (options.rounds, options.seconds)
    PEERS.make()
    report = [circumstances(rounds, seconds, PEERS.versions(PACKAGES))]
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(DATA / "postgres")
        postgres.start()
        stack.callback(postgres.stop)
        url = postgres.create_database("tasks")
        migrate(url, MIGRATIONS)
        fill(url)
        ports = servers(url, stack)
        for part in parts(url):
            check(part, ports)
            with ExitStack() as loads:
                rates = interleave(measures(part, ports, loads), rounds, seconds, lambda: None)
            report.append(f"## {part.title}\n\n{tables(rates, part.ratios)}\n{part.bound}")
            print(report[-1], flush=True)
    if options.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
