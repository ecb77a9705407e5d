"""Who may know whom, across folders; what holds inside of one is said in its own pyproject.toml."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def packages(kind: str) -> list[str]:
    """Return the import names of the members in libs/ or projects/."""
    return sorted(path.parent.name for path in ROOT.glob(f"{kind}/*/src/*/__init__.py"))


LIBS, PROJECTS = packages("libs"), packages("projects")
CAPSTONE = ["apps", "core"]
VERIFIER = "kata"
SERVICES = [*PROJECTS, *CAPSTONE, *(lib for lib in LIBS if lib != VERIFIER)]
CONTRACTS = [
    {
        "name": "projects know libs, no project knows another, and no lib knows a project",
        "type": "layers",
        "layers": ["apps", " | ".join(["core", *PROJECTS]), " : ".join(LIBS)],
    },
    {
        "name": "the capstone knows libs, and no project",
        "type": "forbidden",
        "source_modules": CAPSTONE,
        "forbidden_modules": PROJECTS,
    },
    {
        "name": "nobody knows the verifier, or what only tests need",
        "type": "forbidden",
        "source_modules": SERVICES,
        "forbidden_modules": [VERIFIER, "pytest", "hypothesis", "docker"],
    },
    {
        "name": "the verifier knows no service",
        "type": "forbidden",
        "source_modules": [VERIFIER],
        "forbidden_modules": SERVICES,
    },
]


def broken(root_packages: list[str], contracts: list[dict[str, object]], folder: Path) -> str:
    """Return import-linter's report, and nothing if all contracts are kept."""
    lines = [f"root_packages = {json.dumps(root_packages)}", "include_external_packages = true"]
    for contract in contracts:
        lines += ["", "[[tool.importlinter.contracts]]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in contract.items()]
    config = folder / "contracts.toml"
    config.write_text("\n".join(["[tool.importlinter]", *lines]))
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", config],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: str(contract["name"]))
def test_members_know_only_whom_they_may(contract: dict[str, object], tmp_path: Path) -> None:
    assert broken([*LIBS, *PROJECTS, *CAPSTONE], [contract], tmp_path) == ""


def test_a_forbidden_import_is_found(tmp_path: Path) -> None:
    contract: dict[str, object] = {
        "name": "never true",
        "type": "forbidden",
        "source_modules": [VERIFIER],
        "forbidden_modules": ["pytest"],
    }
    assert "never true BROKEN" in broken([VERIFIER], [contract], tmp_path)


def test_every_member_says_who_may_know_whom_inside_of_it() -> None:
    members = [*(path.parents[2] for path in ROOT.glob("*/*/src/*/__init__.py")), ROOT / "capstone"]
    silent = [
        member.name
        for member in members
        if not tomllib.loads((member / "pyproject.toml").read_text())["tool"].get("importlinter")
    ]
    assert silent == []


def test_no_project_is_known_by_name_outside_its_folder() -> None:
    """Prose may name one, and a test may take one as its example."""
    folders = [path.parent.name for path in ROOT.glob("projects/*/pyproject.toml")]
    name = rf"\b({'|'.join(folders)})\b|^ *(from|import) ({'|'.join([*PROJECTS, *CAPSTONE])})\b"
    elsewhere = [":!projects", ":!capstone", ":!docs", ":(exclude,glob)**/*.md", ":(exclude,glob)**/tests/**"]
    found = subprocess.run(
        ["git", "grep", "-nP", name, "--", *elsewhere], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.stdout.splitlines() == []
