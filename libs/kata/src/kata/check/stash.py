"""What a run knows: kept by pytest beside its configuration and its items."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kata.catalog.checks import Check
from kata.judge.stalls import StallMonitor
from kata.judge.verdicts import CheckResult, Verdict
from kata.options import Options
from kata.servers.databases import PostgresServer
from kata.world.attached import AttachedWorld
from kata.world.owned import OwnedWorld

type OnResult = Callable[[CheckResult], None]
type AnyWorld = OwnedWorld | AttachedWorld

# Of a run
OPTIONS = pytest.StashKey[Options]()
ON_RESULT = pytest.StashKey[OnResult]()
SEED = pytest.StashKey[str]()
POSTGRES = pytest.StashKey[PostgresServer | None]()  # that of all workers of the run
MONITOR = pytest.StashKey[StallMonitor]()
WORLDS = pytest.StashKey[dict[Path, AnyWorld]]()
VERDICTS = pytest.StashKey[dict[tuple[Path, str], Verdict]]()
ALONE = pytest.StashKey[bool]()  # whether nothing else is judged meanwhile

# Of a check
CHECK = pytest.StashKey[Check]()
WORLD = pytest.StashKey[AnyWorld]()
ATTEMPT = pytest.StashKey[int]()
STARTED = pytest.StashKey[float]()
RESULT = pytest.StashKey[CheckResult]()


def project_folder(path: Path) -> Path:
    """Return the folder of the project that a file below its features belongs to."""
    return next(parent.parent for parent in path.parents if parent.name == "features")
