"""What server.py and stop.py lean on in granian without its being public: here it is said what has moved.

pyproject.toml bounds granian above, so these tests fail when the bound is raised, and not in production.
"""

import inspect
import re
from importlib.metadata import requires, version

import pytest
from granian import _signals
from granian._granian import WorkerSignal
from granian.http import HTTP1Settings
from granian.server import common, mp
from granian.server.mp import MPServer
from packaging.requirements import Requirement


def test_granian_is_bounded_above_and_the_bound_holds() -> None:
    bounds = [Requirement(line) for line in requires("service-kit") or () if line.startswith("granian")]
    assert [{clause.operator for clause in bound.specifier} for bound in bounds] == [{">=", "<"}]
    assert bounds[0].specifier.contains(version("granian"))


@pytest.mark.parametrize(
    "name",
    [
        "workers",
        "blocking_threads",
        "backlog",
        "backpressure",
        "loop",
        "http",
        "http1_settings",
        "websockets",
        "workers_kill_timeout",
        "log_level",
        "log_dictconfig",
    ],
)
def test_the_server_takes_the_options_that_serve_passes(name: str) -> None:
    parameters = inspect.signature(MPServer.__init__).parameters
    assert name in parameters, f"MPServer takes no {name} any more: see serve() in server.py"


def test_the_http_settings_limit_the_head_of_a_request() -> None:
    assert HTTP1Settings(max_buffer_size=1024).max_buffer_size == 1024


def test_workers_are_spawned_by_a_method_that_takes_the_target_and_its_loader() -> None:
    """Server._spawn_workers blocks the signals around it."""
    method = getattr(MPServer, "_spawn_workers", None)
    assert method is not None, "MPServer._spawn_workers is gone: see Server in server.py"
    assert list(inspect.signature(method).parameters) == ["self", "spawn_target", "target_loader"]


def test_a_server_has_its_workers_in_wrks_and_each_its_process_in_inner() -> None:
    """Server.shutdown reads `worker.inner.exitcode` of each of `self.wrks`."""
    assert MPServer("nothing:here").wrks == []
    assert "self.inner = multiprocessing" in inspect.getsource(mp.WorkerProcess), (
        "WorkerProcess.inner is gone"
    )
    assert list(inspect.signature(MPServer.shutdown).parameters) == ["self", "exit_code"]


def test_whether_a_worker_still_runs_is_asked_of_the_worker() -> None:
    """Server._spawn_workers gives each an answer of its own."""
    assert "wrk.is_alive()" in inspect.getsource(common.AbstractServer)


def test_a_loader_is_called_in_the_worker_and_its_result_served() -> None:
    """serve() passes one with `wrap_loader=False`."""
    parameters = inspect.signature(MPServer.serve).parameters
    assert {"target_loader", "wrap_loader"} <= parameters.keys()


@pytest.mark.parametrize("name", ["set_sync_signals", "set_loop_signals"])
def test_a_worker_fetches_the_makers_of_its_stop_when_it_serves(name: str) -> None:
    """Stop.listen replaces them in their module, which a worker that had bound them earlier would not see."""
    assert callable(getattr(_signals, name, None)), f"granian._signals.{name} is gone: see Stop in stop.py"
    inside_a_function = rf"^\s+from granian\._signals import {name}$"
    assert re.search(inside_a_function, inspect.getsource(mp), re.MULTILINE), f"{name} is imported elsewhere"


def test_the_line_that_serve_leaves_out_is_still_written_so() -> None:
    """Server.shutdown says it instead, and knows whether the exit was unexpected."""
    assert "Unexpected exit from worker" in inspect.getsource(common)


def test_a_stop_is_a_signal_that_is_set() -> None:
    signal = WorkerSignal()
    signal.set()
