"""The same mistakes in other forms: as a tree along the input, and as JSON Schema's own `basic` output."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from service_kit.json_text import Json
from validation.entries import Entry, Findings, json_pointer


class View(StrEnum):
    """How mistakes are shown; `flat` has the list alone."""

    FLAT = "flat"
    TREE = "tree"
    BASIC = "basic"


@dataclass(slots=True)
class _Node:
    errors: list[Json] = field(default_factory=list)
    # A mapping, in which `__proto__`, `constructor` and the empty name are names like others.
    children: dict[str, "_Node"] = field(default_factory=dict)

    def document(self) -> Json:
        children = {name: child.document() for name, child in self.children.items()}
        return {"errors": self.errors, "children": children}


def tree(entries: Iterable[Entry]) -> Json:
    """Put each mistake at its place: each step of its path is a child, by its name or by its index."""
    root = _Node()
    for entry in entries:
        node = root
        for step in entry.path:
            node = node.children.setdefault(str(step), _Node())
        node.errors.append({"code": entry.code, "detail": entry.document()["detail"]})
    return root.document()


def basic(entries: Iterable[Entry]) -> Json:
    """Write the output unit. Source: JSON Schema 2020-12, Core, section 12.4.2."""
    units: list[Json] = [
        {
            "valid": False,
            "keywordLocation": json_pointer(entry.keyword),
            "instanceLocation": json_pointer(entry.path),
            "error": entry.document()["detail"],
        }
        for entry in entries
    ]
    return {"valid": not units, "errors": units}


def members(found: Findings, view: View) -> dict[str, Json]:
    """Return what a problem says beside `errors`."""
    shown: dict[str, Json] = {"truncated": True} if found.is_truncated else {}
    if view is View.TREE:
        shown["tree"] = tree(found.entries)
    if view is View.BASIC:
        shown["basic"] = basic(found.entries)
    return shown
