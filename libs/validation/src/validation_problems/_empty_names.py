"""The names in a path that jsonschema-rs 0.60 leaves out: the empty ones."""

from collections.abc import Iterator

from validation_problems._entries import Path
from validation_problems._value import Value


def has_empty_name(value: Value) -> bool:
    if isinstance(value, dict):
        return "" in value or any(map(has_empty_name, value.values()))
    return isinstance(value, list) and any(map(has_empty_name, value))


def full_path(path: Path, document: Value, message: str, introduction: str) -> Path:
    """Return the path with its empty names, as the verbose message has them behind this introduction."""
    return next(
        (one for one in _with_empty_names(path, document) if introduction + _shown(one) + "\n" in message),
        path,
    )


def _with_empty_names(path: Path, node: Value) -> Iterator[Path]:
    """Return all paths in the document that are this one without their empty names."""
    if not path:
        yield ()
    if isinstance(node, dict) and "" in node:
        yield from (("", *rest) for rest in _with_empty_names(path, node[""]))
    if not path:
        return
    step, *others = path
    if isinstance(node, dict) and str(step) in node:
        yield from ((step, *rest) for rest in _with_empty_names(tuple(others), node[str(step)]))
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        yield from ((step, *rest) for rest in _with_empty_names(tuple(others), node[step]))


def _shown(path: Path) -> str:
    steps = (
        step if isinstance(step, int) else '"{}"'.format(step.replace("~", "~0").replace("/", "~1"))
        for step in path
    )
    return "".join(f"[{step}]" for step in steps) + ":"
