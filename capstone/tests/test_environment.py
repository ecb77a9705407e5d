import hashlib
import tomllib
from pathlib import Path

from apps.environment import PUBLISHED, SECRETS

CAPSTONE = Path(__file__).parents[1]
STACK = CAPSTONE / "tests" / "compose" / "stack.env"


def test_each_secret_of_this_repository_is_known_as_published() -> None:
    kata = tomllib.loads((CAPSTONE / "pyproject.toml").read_text())["tool"]["kata"]
    stack = dict(line.split("=", 1) for line in STACK.read_text().splitlines() if "=" in line)
    names = {name.upper() for name in SECRETS}
    found = {
        value
        for source in (kata["defaults"], kata["run"]["env"], stack)
        for name, value in source.items()
        if name in names
    }
    assert {hashlib.sha256(value.encode()).hexdigest() for value in found} == PUBLISHED
