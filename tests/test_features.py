"""Features keep to what makes a project a folder of its own."""

import ast
from pathlib import Path

import pytest

from kata.catalog.projects import all_projects

ROOT = Path(__file__).resolve().parents[1]
FILES = [
    *(path for project in all_projects(ROOT) for path in project.features.glob("*.py")),
    *ROOT.glob("libs/kata/tests/*/features/*.py"),
]
STEPS = [*FILES, ROOT / "libs" / "kata" / "src" / "kata" / "check" / "service_steps.py"]
STEP_DECORATORS = {"given", "when", "then", "step"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_step(node: ast.stmt) -> bool:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
    called = [decorator.func for decorator in decorators if isinstance(decorator, ast.Call)]
    return any(isinstance(function, ast.Name) and function.id in STEP_DECORATORS for function in called)


@pytest.mark.parametrize("path", STEPS, ids=relative)
def test_each_step_has_a_name_of_its_own(path: Path) -> None:
    functions = [node for node in ast.parse(path.read_text()).body if is_step(node)]
    names = [node.name for node in functions if isinstance(node, ast.FunctionDef)]
    assert [name for name in names if name.startswith("_") or names.count(name) > 1] == []


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_feature_knows_kata_by_its_steps_alone_and_its_helpers_relatively(path: Path) -> None:
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    absolute = {node.module for node in imports if node.module and not node.level}
    assert {module for module in absolute if module.partition(".")[0] == "kata"} <= {"kata.steps"}
    assert absolute & {file.stem for file in path.parent.glob("*.py")} == set()
