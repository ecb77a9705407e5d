"""The pytest side of the verifier: tags become checks, the fixture `world`, and honest verdicts.

`kata verify` runs pytest underneath, with a loop of its own (`kata.check.worker`). Under plain
`pytest projects/NN-name` the same plugin judges the project's own folder, one check after another.
"""

import inspect
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from pytest_bdd.parser import Step

from kata.catalog.checks import is_check_tag
from kata.catalog.projects import load_project
from kata.check import (
    project_fixtures,
    service_output_steps,
    service_process_steps,
    service_steps,
    worlds,
)
from kata.check.judging import result_of
from kata.check.ordering import arrange
from kata.check.service_feature import FeaturesFolder, is_features_folder
from kata.check.stash import (
    ALONE,
    ATTEMPT,
    CHECK,
    MONITOR,
    ON_RESULT,
    OPTIONS,
    RESULT,
    SEED,
    STARTED,
    VERDICTS,
    WORLDS,
    project_folder,
)
from kata.errors import KataError
from kata.judge.stalls import StallMonitor
from kata.judge.verdicts import NotRunError, Verdict
from kata.options import Options
from kata.report.text import render_check, replay
from kata.world.draw import Draw

TRIES = 3
# pytest knows no doubt: a check that stays inconclusive fails the build, so it gets more chances.
TRIES_UNDER_PYTEST = 8


def pytest_configure(config: pytest.Config) -> None:
    options = config.stash.setdefault(OPTIONS, Options())
    config.stash[SEED] = options.seed or Draw().seed
    config.stash[WORLDS] = {}
    config.stash[VERDICTS] = {}
    for module in (
        project_fixtures,
        service_steps,
        service_output_steps,
        service_process_steps,
        worlds,
    ):
        config.pluginmanager.register(module, module.__name__)


def pytest_unconfigure(config: pytest.Config) -> None:
    for world in config.stash[WORLDS].values():
        world.close()
    monitor = config.stash.get(MONITOR, None)
    if monitor is not None:
        monitor.stop()


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Ask every project what all services are asked."""
    return FeaturesFolder.from_parent(parent, path=path) if is_features_folder(path) else None


@pytest.hookimpl(tryfirst=True)
def pytest_bdd_apply_tag(tag: str, function: object) -> bool | None:
    """Leave our tags to `read_check`: they are read from the feature, not turned into pytest marks."""
    del function
    return True if is_check_tag(tag) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen checks, and put them in an order that the seed draws."""
    items[:] = arrange(items, config.stash[OPTIONS])


def pytest_bdd_before_step(step: Step, step_func: object) -> None:
    """Refuse a coroutine: nobody would await it, and so it would assert nothing."""
    if inspect.iscoroutinefunction(step_func):
        raise KataError(f"the step {step.name!r} is a coroutine; steps are ordinary functions")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a check up to three times if nothing else runs: again where the machine was too slow to judge."""
    if CHECK not in item.stash:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    stash = item.config.stash
    tries = TRIES if ON_RESULT in stash else TRIES_UNDER_PYTEST
    if not stash.get(ALONE, True):
        tries = 1
    # Where it was judged before, other clients and paths are drawn: those the service has met already.
    first = item.stash.get(ATTEMPT, 0) + 1
    for attempt in range(first, first + tries):
        item.stash[ATTEMPT] = attempt
        item.stash[STARTED] = time.monotonic()
        if attempt > 1:
            item._initrequest()  # type: ignore[attr-defined]  # noqa: SLF001 - fresh fixtures, as pytest-rerunfailures does
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if item.stash[RESULT].verdict is not Verdict.INCONCLUSIVE:
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    result = item.stash[RESULT]
    if ON_RESULT in stash:
        stash[ON_RESULT](result)
    else:
        stash[VERDICTS][project_folder(item.path), result.id] = result.verdict
        worlds.leave_world(item, nextitem)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A check whose prerequisite did not pass says nothing more, and is not run."""
    if CHECK not in item.stash:
        return
    config = item.config
    if MONITOR not in config.stash and config.stash.get(ALONE, True):  # else time decides nothing yet
        config.stash[MONITOR] = StallMonitor()
        config.stash[MONITOR].start()
    after = item.stash[CHECK].after
    verdict = config.stash[VERDICTS].get((project_folder(item.path), after or ""), Verdict.PASS)
    if verdict is not Verdict.PASS:
        raise NotRunError(f"{after} did not pass")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    check = item.stash.get(CHECK, None)
    if check is None:
        return report
    if call.when == "setup":
        item.stash[RESULT] = result_of(item, call, None)
    if call.excinfo is not None:
        result = result_of(item, call, call.excinfo.value)
        if call.when != "teardown" or item.stash[RESULT].verdict is Verdict.PASS:
            item.stash[RESULT] = result
        if result.verdict is not Verdict.ERROR:
            options = replace(item.config.stash[OPTIONS], seed=item.config.stash[SEED])
            project = load_project(project_folder(item.path))
            report.longrepr = render_check(result, replay=replay(project, options, check.id))
        if result.verdict is Verdict.NOT_RUN:
            report.outcome = "failed"  # under plain pytest nothing is skipped
    elif call.when == "call":
        item.stash[RESULT] = result_of(item, call, None)
    return report
