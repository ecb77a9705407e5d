"""`make bench-07`: evaluations beside flagd's and GrowthBook's, and how fast a change is on three processes.

All is measured in turn, in one run; ratios are of medians, rates of processor time. The peers get an
environment of their own under .data/bench-07, from requirements.txt, pinned by hash. With `--keep` the run is
written to RESULTS.md.
"""

import statistics
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx

from kata.bench.contestants import Contestant, Measure, together
from kata.bench.peers import PeerEnvironment
from kata.bench.rounds import Ratio, arguments, circumstances, interleave, tables
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-07"
PEERS = PeerEnvironment(DATA / "venv", HERE / "requirements.txt")
PACKAGES = ("openfeature-flagd-core", "growthbook")
NAMES = {"OURS": "the ruleset", "FLAGD": "flagd-core", "GROWTHBOOK": "GrowthBook"}
AIMS = {"one": {"FLAGD": 8.0, "GROWTHBOOK": 3.0}, "all": {"FLAGD": 5.0}}
TITLES = {
    "one": "One flag of 200, evaluations a second",
    "all": "All 200 as the JSON of a bulk, bulks a second",
}
TOKEN = "a-token-of-this-bench"
CHANGES = 100
PROCESSES = 3


def contestants(what: str, stack: ExitStack) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for who, name in NAMES.items():
        python = sys.executable if who == "OURS" else str(PEERS.python)
        contestant = Contestant([python, str(HERE / "contestant.py"), who, what])
        stack.callback(contestant.close)
        found[name] = together([contestant])
    return found


class Listener:
    """Reads the stream of one process, and notes when it was told what."""

    def __init__(self, url: str, uri: str) -> None:
        self.told: dict[str, float] = {}
        self._url = url + uri
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        # Their processes end before the streams do.
        with (
            suppress(httpx.HTTPError),
            httpx.stream("GET", self._url, trust_env=False, timeout=60) as stream,
        ):
            for line in stream.iter_lines():
                if line.startswith("id:"):
                    self.told[line.split(".")[1]] = time.perf_counter()


def spread() -> list[float]:
    """Return milliseconds from sending a change to the last of three processes telling of it."""
    world = OwnedWorld(ProcfileTarget(HERE.parent), ("postgres", "redis", "files"), Draw())
    try:
        service = world.start_alone({"ADMIN_TOKENS": f"ann:{TOKEN}"})
        for _ in range(PROCESSES - 1):
            service.add("web")
        admin = httpx.Client(
            base_url=service.urls[0], headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False
        )
        key = admin.post("/api/v1/keys", json={"name": "bench", "kind": "server"}).json()["secret"]
        flag = {"key": "tea", "type": "boolean", "variants": {"on": True, "off": False}}
        admin.post("/api/v1/flags", json={**flag, "default": {"variant": "on"}}).raise_for_status()
        listeners = []
        for url in service.urls:
            bulk = httpx.post(
                f"{url}/ofrep/v1/evaluate/flags", json={}, headers={"X-API-Key": key}, trust_env=False
            )
            listeners.append(Listener(url, bulk.json()["eventStreams"][0]["endpoint"]["requestUri"]))
        time.sleep(1)
        return [one_change(admin, listeners, number) for number in range(CHANGES)]
    finally:
        world.close()


def one_change(admin: httpx.Client, listeners: list[Listener], number: int) -> float:
    time.sleep(0.05)
    sent = time.perf_counter()
    answer = admin.patch("/api/v1/flags/tea", json={"description": str(number)}, headers={"If-Match": "*"})
    version = str(answer.json()["version"])
    while not all(version in one.told for one in listeners):
        time.sleep(0.0005)
    return (max(one.told[version] for one in listeners) - sent) * 1000


def main() -> None:
    options = arguments(__doc__).parse_args()
    PEERS.make()
    report = [circumstances(options.rounds, options.seconds, PEERS.versions(PACKAGES))]
    for what, title in TITLES.items():
        with ExitStack() as stack:
            rates = interleave(contestants(what, stack), options.rounds, options.seconds, lambda: None)
        ratios = [Ratio(NAMES["OURS"], NAMES[who], aim) for who, aim in AIMS[what].items()]
        report.append(f"## {title}\n\n{tables(rates, ratios)}")
        print(report[-1], flush=True)
    took = sorted(spread())
    p99 = took[int(len(took) * 0.99) - 1]
    report.append(
        f"## A change on the last of {PROCESSES} processes\n\n{CHANGES} changes, from sending one to the last"
        f" process telling of it: median {statistics.median(took):.1f} ms, p99 {p99:.1f} ms (aim: 100).\n"
    )
    print(report[-1], flush=True)
    if options.keep:
        (HERE / "RESULTS.md").write_text("\n".join(report))


if __name__ == "__main__":
    main()
