"""The pytest side of the verifier: tags become checks, the fixture `world`, and honest verdicts.

`kata verify` runs pytest underneath, with a collector for its report. Under plain
`pytest projects/01-throttler` the same plugin judges the project's own folder.
"""

import inspect
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from pytest_bdd.parser import Step
from pytest_bdd.scenario import scenario_wrapper_template_registry

from kata.catalog import Project, load_project
from kata.checks import Check, describe, is_check_tag
from kata.clock import STALL_SECONDS, Inconclusive, StallMonitor
from kata.draw import Draw
from kata.errors import KataError, TargetError
from kata.options import Options
from kata.process import describe_exit
from kata.report import render_check, replay
from kata.target import Instance, ProcfileTarget, Target
from kata.verdicts import CheckFailedError, CheckResult, NotRunError, Verdict
from kata.world import AttachedWorld, OwnedWorld

TRIES = 3
# pytest knows no doubt: a check that stays inconclusive fails the build, so it gets more chances.
TRIES_UNDER_PYTEST = 8
_LAST_LINES = 5

Report = Callable[[CheckResult], None]
OPTIONS = pytest.StashKey[Options]()
REPORT = pytest.StashKey[Report]()
_CHECK = pytest.StashKey[Check]()
_WORLDS = pytest.StashKey[dict[Path, OwnedWorld | AttachedWorld]]()
_WORLD = pytest.StashKey[OwnedWorld | AttachedWorld]()
# With five verifications side by side on two processors, a load of 10, an answer that may take 200 ms took
# 460; with three, a load of 5 to 6, none did.
_OVERLOAD = 4
_MONITOR = pytest.StashKey[StallMonitor]()
_ATTEMPT = pytest.StashKey[int]()
_STARTED = pytest.StashKey[float]()
_VERDICTS = pytest.StashKey[dict[tuple[Path, str], Verdict]]()
_RESULT = pytest.StashKey[CheckResult]()
_SEED = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    options = config.stash.setdefault(OPTIONS, Options())
    config.stash[_SEED] = options.seed or Draw().seed
    config.stash[_WORLDS] = {}
    config.pluginmanager.import_plugin("kata.service_steps")
    config.stash[_VERDICTS] = {}


def pytest_unconfigure(config: pytest.Config) -> None:
    for world in config.stash[_WORLDS].values():
        world.close()
    monitor = config.stash.get(_MONITOR, None)
    if monitor is not None:
        monitor.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_bdd_apply_tag(tag: str, function: object) -> bool | None:
    """Leave our tags to `describe`: they are read from the feature, not turned into pytest marks."""
    del function
    return True if is_check_tag(tag) else None


def check_of(item: pytest.Item) -> Check | None:
    """Return the check that a test item is, or None for an ordinary test."""
    function = getattr(item, "function", None)
    template = scenario_wrapper_template_registry.get(function) if function else None
    if template is None:
        return None
    return describe(template.name, template.tags | template.feature.tags)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen checks, and put them in an order that the seed draws."""
    options = config.stash[OPTIONS]
    checks: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        check = check_of(item)
        if check is None:
            others.append(item)
        elif _chosen(check, options):
            item.stash[_CHECK] = check
            checks.append(item)
    shuffled = Draw(options.seed).fork("order").shuffle(checks) if options.seed else checks
    items[:] = [*others, *_prerequisites_first(shuffled)]


def _chosen(check: Check, options: Options) -> bool:
    if options.only:
        return check.id in options.only or check.extension in options.only
    if options.step is not None:
        return check.step == options.step and check.extension is None
    return options.extensions or check.extension is None


def _prerequisites_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Put each check behind the one that it needs, and so on; else the order stays."""
    of_id = {(_project_folder(item.path), item.stash[_CHECK].id): item for item in items}
    ordered: dict[pytest.Item, None] = {}

    def place(item: pytest.Item, waiting: tuple[pytest.Item, ...]) -> None:
        needed = of_id.get((_project_folder(item.path), item.stash[_CHECK].after or ""))
        if needed is not None and needed not in waiting:
            place(needed, (*waiting, item))
        ordered.setdefault(item)

    for item in items:
        place(item, ())
    return list(ordered)


def pytest_bdd_before_step(step: Step, step_func: object) -> None:
    """Refuse a coroutine: nobody would await it, and so it would assert nothing."""
    if inspect.iscoroutinefunction(step_func):
        raise KataError(f"the step {step.name!r} is a coroutine; steps are ordinary functions")


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[OwnedWorld | AttachedWorld]:
    """The dependencies, processes and luck of the run, as this check may use them."""
    config = request.config
    worlds = config.stash[_WORLDS]
    folder = _project_folder(request.path)
    if folder not in worlds:
        options = replace(config.stash[OPTIONS], seed=config.stash[_SEED])
        worlds[folder] = make_world(load_project(folder), options)
    current = worlds[folder]
    node = request.node
    node.stash[_WORLD] = current
    current.begin(node.stash[_CHECK].id, node.stash.get(_ATTEMPT, 1))
    yield current
    died = current.died_shared()
    current.end()
    if died:  # else the next check would find a new one in its place
        raise TargetError(describe_deaths(died), _last_words(died))


def _project_folder(path: Path) -> Path:
    return next(parent.parent for parent in path.parents if parent.name == "features")


def make_world(project: Project, options: Options) -> OwnedWorld | AttachedWorld:
    """Build the world for one way of reaching the solution."""
    draw = Draw(options.seed)
    if options.url is not None:
        return AttachedWorld(options.url, {**project.defaults, **dict(options.settings)}, draw)
    directory = options.directory or project.path
    target = _target(directory, docker=options.docker)
    return OwnedWorld(target, project.needs, draw, options.start_timeout_seconds)


def _target(directory: Path, *, docker: bool) -> Target:
    if not docker:
        return ProcfileTarget(directory)
    from kata.container import DockerTarget  # noqa: PLC0415 - the SDK takes a quarter of a second to import

    return DockerTarget(directory)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a check up to three times: again only if the machine was too slow to judge."""
    if _CHECK not in item.stash:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    tries = TRIES if REPORT in item.config.stash else TRIES_UNDER_PYTEST
    for attempt in range(1, tries + 1):
        item.stash[_ATTEMPT] = attempt
        item.stash[_STARTED] = time.monotonic()
        if attempt > 1:
            item._initrequest()  # type: ignore[attr-defined]  # noqa: SLF001 - fresh fixtures, as pytest-rerunfailures does
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if item.stash[_RESULT].verdict is not Verdict.INCONCLUSIVE:
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    result = item.stash[_RESULT]
    item.config.stash[_VERDICTS][_project_folder(item.path), result.id] = result.verdict
    if REPORT in item.config.stash:
        item.config.stash[REPORT](result)
    _leave_world(item, nextitem)
    return True


def _leave_world(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Close the world behind the last check of a project: the next project has one of its own."""
    folder = _project_folder(item.path)
    if nextitem is not None and _CHECK in nextitem.stash and _project_folder(nextitem.path) == folder:
        return
    world = item.config.stash[_WORLDS].pop(folder, None)
    if world is not None:
        world.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A check whose prerequisite did not pass says nothing more, and is not run."""
    if _CHECK not in item.stash:
        return
    config = item.config
    if _MONITOR not in config.stash:
        config.stash[_MONITOR] = StallMonitor()
        config.stash[_MONITOR].start()
    after = item.stash[_CHECK].after
    verdict = config.stash[_VERDICTS].get((_project_folder(item.path), after or ""), Verdict.PASS)
    if verdict is not Verdict.PASS:
        raise NotRunError(f"{after} did not pass")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    check = item.stash.get(_CHECK, None)
    if check is None:
        return report
    if call.when == "setup":
        item.stash[_RESULT] = _result(item, check, call, None)
    if call.excinfo is not None:
        result = _result(item, check, call, call.excinfo.value)
        if call.when != "teardown" or item.stash[_RESULT].verdict is Verdict.PASS:
            item.stash[_RESULT] = result
        if result.verdict is not Verdict.ERROR:
            options = replace(item.config.stash[OPTIONS], seed=item.config.stash[_SEED])
            project = load_project(_project_folder(item.path))
            report.longrepr = render_check(result, replay=replay(project, options, check.id))
        if result.verdict is Verdict.NOT_RUN:
            report.outcome = "failed"  # under plain pytest nothing is skipped
    elif call.when == "call":
        item.stash[_RESULT] = _result(item, check, call, None)
    return report


def describe_deaths(died: list[Instance]) -> str:
    """Say which processes ended by themselves, and how."""
    return ", ".join(f"{instance.name} {describe_exit(instance.exit_code)}" for instance in died)


def _last_words(died: list[Instance]) -> list[str]:
    if len(died) == 1:
        return died[0].output()
    return [f"{instance.name}: {line}" for instance in died for line in instance.output()[-_LAST_LINES:]]


def _excuse(stall_seconds: float) -> str | None:
    """Say why it may have been the machine, and not the service, that was late."""
    if stall_seconds > STALL_SECONDS:
        return f"the machine stood still for {stall_seconds:.2f} s while it was judged"
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if load > _OVERLOAD * processors:
        return f"the machine had {load:.1f} processes to run at a time, on {processors} processors"
    return None


def _result(
    item: pytest.Item, check: Check, call: pytest.CallInfo[None], error: BaseException | None
) -> CheckResult:
    fields: dict[str, str | None] = {}
    output: list[str] = []
    verdict = Verdict.PASS
    world = item.stash.get(_WORLD, None)
    if isinstance(error, CheckFailedError):
        verdict = Verdict.FAIL
        fields = {
            "expected": error.expected,
            "got": error.got,
            "rule": error.rule,
            "timeline": error.timeline,
        }
        stall = item.config.stash[_MONITOR].worst_between(item.stash[_STARTED], time.monotonic())
        died = world.died() if world is not None else []
        if died:
            fields["reason"] = describe_deaths(died)
            output = _last_words(died)
        elif error.timing and (excuse := _excuse(stall)):
            verdict = Verdict.INCONCLUSIVE
            fields["reason"] = excuse
    elif isinstance(error, Inconclusive):
        verdict = Verdict.INCONCLUSIVE
        fields = {"reason": str(error)}
    elif isinstance(error, NotRunError):
        verdict = Verdict.NOT_RUN
        fields = {"reason": str(error)}
    elif isinstance(error, TargetError):
        verdict = Verdict.FAIL
        output = error.output
        fields = {"expected": "a running service", "got": str(error)}
    elif error is not None:
        verdict = Verdict.ERROR
        fields = {"reason": f"{type(error).__name__}: {error}"}
    return CheckResult(
        id=check.id,
        sentence=check.sentence,
        step=check.step,
        extension=check.extension,
        verdict=verdict,
        seconds=round(call.duration, 3),
        tries=item.stash[_ATTEMPT],
        output=output,
        settings=world.shown_settings if world is not None and verdict is Verdict.FAIL else {},
        **fields,
    )
