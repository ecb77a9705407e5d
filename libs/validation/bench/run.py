"""`make bench-validation`: this library beside zod 4, jsonschema and FastAPI's default; ratios of medians.

All are interleaved in one run. The peers are under .data/bench-validation, pinned by hash in requirements.txt
and package-lock.json; the library is taken from src. With `--keep` the run is written to RESULTS.md, above
what is said there of the bounds.
"""
# mypy: disable-error-code="import-not-found"
# Because a script finds its neighbours, and mypy does not.

import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from order import BAD, GOOD, MISTAKES

from kata.bench.contestants import Contestant, Measure, load_on, serve, together
from kata.bench.load import Request
from kata.bench.peers import PeerEnvironment
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-validation"
PEERS = PeerEnvironment(DATA / "venv", HERE / "requirements.txt")
NODE = DATA / "node"
SOURCE = {"PYTHONPATH": str(HERE.parent / "src")}
PACKAGES = ("pydantic", "msgspec", "jsonschema-rs", "orjson", "jsonschema", "fastapi", "granian")
CONNECTIONS = 16
NAMES = {"pydantic": "ours, pydantic", "msgspec": "ours, msgspec", "jsonschema-rs": "ours, jsonschema-rs"}

type Measures = Callable[[ExitStack], dict[str, Measure]]


class Kind(NamedTuple):
    """The order that all are asked about, and by how much zod may be faster."""

    name: str
    text: bytes
    status: int
    slower_than_zod: float


KINDS = (Kind("good", GOOD, 200, 1.15), Kind("bad", BAD, 422, 1.3))


def judging(kind: Kind) -> Measures:
    def measures(stack: ExitStack) -> dict[str, Measure]:
        commands = {
            shown: [str(PEERS.python), str(HERE / "judge.py"), name, kind.name]
            for name, shown in NAMES.items()
        }
        wanted = "" if kind.name == "good" else ",".join(MISTAKES)
        commands["zod"] = ["node", str(HERE / "judge.mjs"), kind.text.decode(), wanted]
        commands["jsonschema"] = [str(PEERS.python), str(HERE / "judge.py"), "jsonschema", kind.name]
        made = {}
        for name, command in commands.items():
            contestant = Contestant(command, {**SOURCE, "PEERS": str(NODE / "package.json")})
            stack.callback(contestant.close)
            made[name] = together([contestant])
        return made

    return measures


def judging_ratios(kind: Kind) -> list[Ratio]:
    of_zod = [Ratio(shown, "zod", round(1 / kind.slower_than_zod, 2)) for shown in NAMES.values()]
    return [*of_zod, *(Ratio(shown, "jsonschema", 5.0) for shown in NAMES.values())]


def serving(kind: Kind) -> Measures:
    def measures(stack: ExitStack) -> dict[str, Measure]:
        made = {}
        for name in ("ours", "default", "bare"):
            command = [
                str(PEERS.python.with_name("granian")), "--interface", "asgi", "--factory", "--http", "1",
                "--no-ws", "--host", "127.0.0.1", "--port", "{port}", f"apps:{name}",
            ]  # fmt: skip
            port = serve(command, SOURCE, HERE, stack)
            status = 200 if name == "bare" else kind.status
            order = Request("/orders", "POST", JSON, kind.text.decode(), status)
            made[name] = load_on(name, port, [order], CONNECTIONS, stack)
        return made

    return measures


JSON = {"Content-Type": "application/json"}
SERVING_RATIOS = [Ratio("ours", "default", 2.0), Ratio("ours", "bare", 0.5)]


def make_node() -> str:
    """Install zod beside the other peers, and return what runs it."""
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, NODE)
    subprocess.run(["npm", "ci", "--silent", "--ignore-scripts", "--prefix", str(NODE)], check=True)
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return f"zod {(HERE / 'package.json').read_text().split('"zod": "')[1].split('"')[0]}, Node {version}"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--only", choices=["judging", "serving"])
    options = parser.parse_args()
    PEERS.make()
    versions = f"{PEERS.versions(PACKAGES)}, {make_node()}"
    report = [circumstances(options.rounds, options.seconds, versions)]
    for kind in KINDS:
        benches = {
            "judging": (f"A {kind.name} order, from bytes to a verdict", judging(kind), judging_ratios(kind)),
            "serving": (f"Requests with a {kind.name} order, one worker", serving(kind), SERVING_RATIOS),
        }
        for name, (title, measures, ratios) in benches.items():
            if options.only in (None, name):
                with ExitStack() as stack:
                    rates = interleave(measures(stack), options.rounds, options.seconds, lambda: None)
                report.append(f"## {title}\n\n{tables(rates, ratios)}")
                print(report[-1], flush=True)
    if options.keep:
        results = HERE / "RESULTS.md"
        _, bounds, said = results.read_text().partition("\n## What bounds us")
        results.write_text("\n".join(report) + bounds + said)


if __name__ == "__main__":
    main()
