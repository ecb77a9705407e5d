"""Judges the checks that it is told to: pytest over the project's features, with a loop that takes orders.

`work_in_process` does so in a process of its own: pytest can't run two tests at a time.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from pytest_bdd.scenario import scenario_wrapper_template_registry

from kata.catalog.projects import ROOT, Project
from kata.check.run import Answer, Begin, Broken, Collected, End, Judged, NoTarget, Order, Started, TryStart
from kata.check.scheduling import Job, Judge
from kata.check.stash import ALONE, ATTEMPT, CHECK, ON_RESULT, OPTIONS, POSTGRES, WORLDS
from kata.check.worlds import world_of
from kata.errors import KataError, ProcfileError, TargetError
from kata.judge.verdicts import CheckResult
from kata.options import Options
from kata.servers.databases import PostgresServer
from kata.system.preexec import die_with_parent
from kata.world.attached import AttachedWorld

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


class Channel(Protocol):
    """The way to whoever gives the orders."""

    def send(self, answer: Answer, /) -> None: ...
    def recv(self) -> Order: ...


class Worker:
    """The pytest plugin that reads orders in place of pytest's own loop over all tests."""

    def __init__(
        self, project: Project, options: Options, channel: Channel, postgres: PostgresServer | None
    ) -> None:
        self._project = project
        self._options = options
        self._postgres = postgres
        self._channel = channel
        self.broken: str | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[OPTIONS] = self._options
        config.stash[POSTGRES] = self._postgres

        def judged(result: CheckResult) -> None:
            world = config.stash[WORLDS].get(self._project.path)
            services = frozenset(world.shared_services) if world is not None else frozenset[str]()
            self._channel.send(Judged(result, services))

        config.stash[ON_RESULT] = judged

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if self.broken is not None:
            return True
        items = [item for item in session.items if CHECK in item.stash]
        self._channel.send(Collected([_job(position, item) for position, item in enumerate(items)]))
        while not isinstance(order := self._channel.recv(), End):
            match order:
                case TryStart():
                    self._channel.send(self._try_start(session.config))
                case Judge(position, alone, again):
                    session.config.stash[ALONE] = alone
                    item = items[position]
                    item.stash[ATTEMPT] = int(again)
                    item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return True

    def pytest_exception_interact(
        self, call: pytest.CallInfo[object], report: pytest.CollectReport | pytest.TestReport
    ) -> None:
        """Note why a feature or its steps could not be read."""
        if isinstance(report, pytest.CollectReport) and call.excinfo is not None:
            self._note(call.excinfo.value)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Note it, in place of the traceback that pytest would print."""
        self._note(excinfo.value)
        return True

    def _note(self, error: BaseException) -> None:
        last_line = str(error).strip().rpartition("\n")[2]
        place = f"the features in {self._project.features} can't be run"
        self.broken = self.broken or f"{place}: {type(error).__name__}: {last_line}"

    def _try_start(self, config: pytest.Config) -> Started | NoTarget | Broken:
        """Start the solution once with its contract's defaults."""
        try:
            world = world_of(config, self._project.path)
            if isinstance(world, AttachedWorld):
                answer = world.reach()
                if answer.status == 0:
                    return NoTarget(answer.error)
            else:
                world.start_alone(self._project.defaults)
                world.end()
        except (TargetError, ProcfileError) as error:
            return NoTarget(str(error), getattr(error, "output", []))
        except KataError as error:
            return Broken(str(error))
        return Started()


def work(
    project: Project, options: Options, channel: Channel, postgres: PostgresServer | None = None
) -> None:
    """Run the project's features as the orders say, until the last of them is to end.

    Raises:
        KeyboardInterrupt: it was interrupted; the world is closed by then.

    """
    worker = Worker(project, options, channel, postgres)
    # A warning in the verifier, or a socket that it closes late, is no verdict: plain pytest sees to those.
    absent = ["terminal", "cacheprovider", "logging", "warnings", "unraisableexception"]
    quiet = ["--assert=plain", *(word for name in absent for word in ("-p", f"no:{name}"))]
    # Whatever else is installed has no say in a verdict, and takes a second to import.
    plugins = ["--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "-p", "kata.check.plugin"]
    config = [
        *("-c", str(ROOT / "pyproject.toml")),
        *("--rootdir", str(ROOT)),
        *("-o", "addopts=--import-mode=importlib"),
    ]
    os.environ.pop("PYTEST_ADDOPTS", None)
    code = pytest.main([*config, *quiet, *plugins, str(project.features)], plugins=[worker])
    if code == pytest.ExitCode.INTERRUPTED and worker.broken is None:
        raise KeyboardInterrupt
    if worker.broken is not None:
        channel.send(Broken(worker.broken))


def _job(position: int, item: pytest.Item) -> Job:
    assert isinstance(item, pytest.Function)
    steps = scenario_wrapper_template_registry[item.function].steps
    return Job(position, item.stash[CHECK], steps[0].name if steps else "")


def work_in_process(
    project: Project, options: Options, channel: "Connection[Answer, Order]", parent_pid: int, said: Path
) -> None:
    """Work in a session of its own, and write to the file `said` what would go to the terminal."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    die_with_parent(parent_pid, signal.SIGINT)
    with Path(os.devnull).open("rb") as nothing, said.open("ab") as file:
        for ours, its in ((nothing, 0), (file, 1), (file, 2)):
            os.dup2(ours.fileno(), its)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # a test that has forked us may capture its own
    with suppress(KeyboardInterrupt, BrokenPipeError, EOFError), channel:
        order = channel.recv()
        assert isinstance(order, Begin)
        work(project, options, channel, order.postgres)
