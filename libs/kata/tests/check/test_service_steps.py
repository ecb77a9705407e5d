"""Each check of service.feature refuses the services that it is there for, and no other check does."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from kata.catalog.projects import ROOT, Project
from kata.judge.expectations import describe_stop

OF_THE_SIGNAL = (
    "the signal was not handled. Either the program has no handler for it, or the line's own process is a"
    " shell or a wrapper that ended before what it started (put one command there, with `exec`)"
)
JUDGING_SECONDS = 600
_SHARES = 5
# What is no refusal: a busy machine leaves a check in doubt, and it is asked again so often.
IN_DOUBT = "in doubt"
ROUNDS = 3
CHECKS = {f"S{number}" for number in range(1, 12)}


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong with a service: an edit of the doubler's app.py, and the checks that see it."""

    checks: str
    says: str
    find: str
    put: str

    @property
    def folder(self) -> str:
        return f"{self.checks} {self.says}".replace(" ", "-").lower()


SEND = 'self.send(status, "application/problem+json", json.dumps(document))'
REQUEST_ID = 'self.send_header("X-Request-ID", self.request_id)'
ON_SIGTERM = "lambda _signal, _frame: stopping.start()"
LOG = "print(json.dumps(line), flush=True)"
TIME = "datetime.now(UTC).isoformat()"


def not_found(statement: str) -> str:
    """Do something to the problem of an unknown path, and to no other."""
    return f"if status == 404:\n            {statement}\n        {SEND}"


# Judging these is waiting, for a refusal of 20 s and for others of 20 s in all. The rest is judged meanwhile.
SLOW = [
    Flaw("S11", "takes a setting that is too small", " or int(text) < smallest", ""),
    Flaw("S10", "ignores SIGTERM", ON_SIGTERM, "signal.SIG_IGN"),
    Flaw("S4 S5", "waits for the whole body", "self.problem(413)", "self.rfile.read(int(length))"),
    Flaw("S4", "logs nothing", LOG, "pass"),
]
QUICK = [
    Flaw(
        "S1",
        "is no longer ready",
        'case ["", "health" | "ready"]:',
        'case ["", "ready"] if self.doubler.requests > 1:\n                raise ProblemError(503)\n'
        '            case ["", "health" | "ready"]:',
    ),
    Flaw(
        "S2", "answers a path in HTML", SEND, not_found('return self.send(404, "text/html", "<h1>No</h1>")')
    ),
    Flaw("S2", "shows a stack trace", SEND, not_found('return self.send(404, "text/plain", "Traceback")')),
    Flaw("S2", "answers an unknown path with 200", SEND, not_found('return self.reply({"status": 404})')),
    Flaw("S2", "has no code", SEND, not_found('document.pop("code")')),
    Flaw("S2", "has a code in words", SEND, not_found('document["code"] = "Not found"')),
    Flaw("S2", "has another status in the body", SEND, not_found('document["status"] = 400')),
    Flaw("S2", "has another id in the body", SEND, not_found('document["request_id"] = "other"')),
    Flaw(
        "S2",
        "has a list as problem",
        SEND,
        not_found('return self.send(404, "application/problem+json", "[]")'),
    ),
    Flaw("S2 S3 S5", "has no request id", REQUEST_ID, "pass"),
    Flaw(
        "S3", "has a request id on problems only", REQUEST_ID, f"if status != 200:\n            {REQUEST_ID}"
    ),
    Flaw("S3", "keeps a hostile id", "if WELL_FORMED.fullmatch(offered)", "if offered"),
    Flaw("S3", "gives all the same id", "else str(uuid4())", 'else "none"'),
    Flaw(
        "S3 S4",
        "replaces every id",
        "offered if WELL_FORMED.fullmatch(offered) else str(uuid4())",
        "str(uuid4())",
    ),
    Flaw("S4", "logs plain text", LOG, "print(line, flush=True)"),
    Flaw(
        "S4",
        "logs the id under another name",
        '"request_id": self.request_id, "status": status',
        '"id": self.request_id',
    ),
    Flaw("S4", "logs no time", '"timestamp": now, ', ""),
    Flaw("S4", "logs a time of nowhere", TIME, 'datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")'),
    Flaw("S5", "refuses a large body with 400", "self.problem(413)", "self.problem(400)"),
    Flaw(
        "S5",
        "refuses a large body without a problem",
        "self.problem(413)",
        'self.send(413, "text/plain", "large")',
    ),
    Flaw("S6", "breaks on a bad length", "self.problem(400)", "self.problem(500)"),
    Flaw("S6", "takes a bad length", "self.problem(400)", 'self.reply({"status": "ok"})'),
    Flaw("S6", "dies of a bad length", "self.problem(400)", "os._exit(1)"),
    Flaw("S7", "has no metrics", 'case ["", "metrics"]:', 'case ["", "stats"]:'),
    Flaw("S7", "has metrics in JSON", "return self.metrics()", 'return {"requests": self.doubler.requests}'),
    Flaw("S7", "counts nothing", "self.doubler.requests += 1", "pass"),
    Flaw("S8", "lets browsers sniff", 'self.send_header("X-Content-Type-Options", "nosniff")', "pass"),
    Flaw(
        "S8", "has no policy", """self.send_header("Content-Security-Policy", "default-src 'none'")""", "pass"
    ),
    Flaw("S9", "describes no API", 'case ["", "openapi.json"]:', 'case ["", "api.json"]:'),
    Flaw("S9", "leaves out a route", "for path in PATHS", "for path in PATHS[:1]"),
    Flaw("S9", "describes it as Swagger 2", '"openapi": "3.1.0"', '"swagger": "2.0"'),
    Flaw("S9", "has no page", 'case ["", "docs"]:', 'case ["", "doc"]:'),
    Flaw("S9", "has a page of plain text", '"<!doctype html><title>', '"<title>'),
    Flaw("S10", "leaves SIGTERM to the system", ON_SIGTERM, "signal.SIG_DFL"),
    Flaw(
        "S10",
        "takes SIGTERM for a failure",
        "server.server_close()",
        "server.server_close()\n    sys.exit(1)",
    ),
    Flaw("S10", "cuts off what runs", "server.server_close()", "os._exit(0)"),
    Flaw(
        "S10",
        "answers who comes while it finishes what runs",
        "(target=server.shutdown)",
        "(target=lambda: [time.sleep(4), server.shutdown()])",
    ),
    Flaw(
        "S11",
        "refuses a setting with exit code 0",
        "        sys.exit(1)\n    return",
        "        sys.exit(0)\n    return",
    ),
    Flaw("S11", "does not say which setting", "{name} must be a whole number", "must be a whole number"),
]


@dataclass(frozen=True)
class Judgement:
    """Which checks were executed on a service, and which of them refused it."""

    executed: int
    refused: frozenset[str]


@pytest.fixture(scope="module")
def judgements(doubler: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judgement]:
    """Judge a sound service and one with each flaw, in runs of plain pytest side by side."""
    root = tmp_path_factory.mktemp("services")
    make_service(doubler.path, root / "sound", None)
    for flaw in [*SLOW, *QUICK]:
        make_service(doubler.path, root / flaw.folder, flaw)
    first, *slow = [flaw.folder for flaw in SLOW]
    quick = ["sound", *(flaw.folder for flaw in QUICK)]
    # Each waits for seconds until S10 has been told to stop and has ended.
    with ThreadPoolExecutor(_SHARES + 2) as pool:
        shares = [[first], slow, *(quick[number::_SHARES] for number in range(_SHARES))]
        runs = [pool.submit(judge, root, share) for share in shares]
        judged = {folder: judgement for run in runs for folder, judgement in run.result().items()}
    for _ in range(ROUNDS):
        doubtful = [folder for folder, judgement in judged.items() if IN_DOUBT in judgement.refused]
        if not doubtful:
            break
        judged |= judge(root, doubtful)
    return judged


def make_service(doubler: Path, folder: Path, flaw: Flaw | None) -> None:
    """Write a project that is judged by the service feature alone."""
    shutil.copytree(doubler, folder, ignore=shutil.ignore_patterns("*doubling*", "__pycache__"))
    if flaw is not None:
        app = folder / "app.py"
        source = app.read_text()
        assert source.count(flaw.find) == 1, f"{flaw.find} stands {source.count(flaw.find)} times in app.py"
        app.write_text(source.replace(flaw.find, flaw.put))


def judge(root: Path, folders: Sequence[str]) -> dict[str, Judgement]:
    report = root / f"{folders[0]}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command += ["--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "-p", "kata.check.plugin"]
    command += ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={root}", *folders]
    subprocess.run(command, cwd=root, timeout=JUDGING_SECONDS, capture_output=True, check=False)
    cases = list(ET.parse(report).iter("testcase"))
    return {folder: judgement_of([case for case in cases if folder_of(case) == folder]) for folder in folders}


def folder_of(case: ET.Element) -> str:
    return case.attrib["classname"].removesuffix(".features.service.feature")


def judgement_of(cases: Sequence[ET.Element]) -> Judgement:
    reports = [
        "".join(result.itertext()) for case in cases for result in case if result.tag in {"failure", "error"}
    ]
    refused = (re.match(r" x  (\S+)", report) for report in reports)
    return Judgement(
        len({case.attrib["name"] for case in cases}),
        frozenset(match[1] if match else IN_DOUBT for match in refused),
    )


@pytest.mark.parametrize(
    ("exit_code", "said"),
    [
        (None, "it was still running"),
        (0, "exit code 0"),
        (1, "exit code 1"),
        (-9, "exit code -9"),
        (-15, f"exit code -15: {OF_THE_SIGNAL}"),
        (143, f"exit code 143: {OF_THE_SIGNAL}"),
    ],
)
def test_an_end_by_the_signal_itself_tells_of_shells_and_wrappers(exit_code: int | None, said: str) -> None:
    assert describe_stop(exit_code) == said


def test_a_sound_service_passes_every_check(judgements: dict[str, Judgement]) -> None:
    assert judgements["sound"] == Judgement(11, frozenset())


def test_every_check_has_a_flaw_that_it_sees() -> None:
    assert {check for flaw in [*SLOW, *QUICK] for check in flaw.checks.split()} == CHECKS


@pytest.mark.parametrize("flaw", [*SLOW, *QUICK], ids=lambda flaw: flaw.folder)
def test_a_flaw_is_seen_by_its_checks_alone(judgements: dict[str, Judgement], flaw: Flaw) -> None:
    assert judgements[flaw.folder] == Judgement(11, frozenset(flaw.checks.split()))
