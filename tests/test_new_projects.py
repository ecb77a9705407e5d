"""What `kata new` writes passes at once what every project of the repository has to pass."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from kata.commands.new import write_project
from kata.template.facts import Facts

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
NEW = (
    Facts("71", "tally", "flask", ("redis",), has_worker=False),
    Facts("72", "long-tally", "fastapi", ("postgres", "redis"), has_worker=True),
    Facts("73", "abacus", "litestar", ("postgres",), has_worker=False),
)
# The first check of its own, and those of every service.
CHECKS = [word for check in ("C1", *(f"S{number}" for number in range(1, 12))) for word in ("--only", check)]
# The rules for all projects, asked of these three: the list of projects and the glossary are not theirs.
RULES = ["tests/test_projects.py", "tests/test_lessons.py", "tests/test_features.py"]
TIMEOUT_SECONDS = 240

type Done = subprocess.CompletedProcess[str]
type Runs = Mapping[tuple[str, str], Future[Done]]

new_projects = pytest.mark.parametrize("facts", NEW, ids=lambda facts: facts.web)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that has these projects and no others."""
    workspace = tmp_path_factory.mktemp("workspace")
    for name in ("libs", "requirements", "docs", "CONTRIBUTING.md"):
        (workspace / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "pyproject.toml", workspace)
    for path in RULES:
        (workspace / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, workspace / path)
    for facts in NEW:
        write_project(facts, workspace / "projects")
    return workspace


@pytest.fixture(scope="session")
def runs(workspace: Path) -> Iterator[Runs]:
    """All that is asked of them, side by side: most of a verification is waiting."""
    asked: dict[tuple[str, str], list[object]] = {}
    for facts in NEW:
        folder = workspace / "projects" / facts.folder
        asked[facts.folder, "verify"] = [BIN / "kata", "verify", folder, *CHECKS]
        asked[facts.folder, "types"] = [BIN / "mypy", "--cache-dir", ROOT / ".mypy_cache", folder]
        asked[facts.folder, "contracts"] = [
            BIN / "lint-imports", "--no-cache", "--config", folder / "pyproject.toml",
        ]  # fmt: skip
        asked[facts.folder, "tests"] = [BIN / "pytest", "-q", folder / "tests"]
    asked["all", "lint"] = [BIN / "ruff", "check", "projects"]
    asked["all", "format"] = [BIN / "ruff", "format", "--check", "projects"]
    asked["all", "rules"] = [BIN / "pytest", "-q", "-k", "not for_all_projects", *RULES]
    sources = os.pathsep.join(map(str, [*ROOT.glob("libs/*/src"), *workspace.glob("projects/*/src")]))
    environment = {**os.environ, "MYPYPATH": sources, "PYTHONPATH": sources}
    with ThreadPoolExecutor(4) as pool:
        yield {key: pool.submit(run, words, workspace, environment) for key, words in asked.items()}


def run(words: list[object], folder: Path, environment: Mapping[str, str]) -> Done:
    return subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def succeeded(done: Done) -> None:
    if done.returncode:
        pytest.fail(f"{done.stdout}{done.stderr}", pytrace=False)


@new_projects
@pytest.mark.parametrize("question", ["verify", "types", "contracts", "tests"])
def test_a_new_project_passes(runs: Runs, facts: Facts, question: str) -> None:
    succeeded(runs[facts.folder, question].result())


@pytest.mark.parametrize("question", ["lint", "format", "rules"])
def test_new_projects_keep_the_rules_of_all_projects(runs: Runs, question: str) -> None:
    succeeded(runs["all", question].result())
