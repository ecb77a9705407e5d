"""The same mistakes in other forms: as a tree along the input, and as JSON Schema's own `basic` output."""

from dataclasses import dataclass, field
from enum import StrEnum

from validation_problems._entries import Findings, json_pointer
from validation_problems._value import Json


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


def tree(found: Findings) -> Json:
    """Put each mistake at its place: each step of its path is a child, by its name or by its index."""
    root = _Node()
    for entry in found.entries:
        node = root
        for step in entry.path:
            node = node.children.setdefault(str(step), _Node())
        node.errors.append({"code": entry.code, "detail": entry.detail()})
    return root.document()


def basic(found: Findings) -> Json:
    """Write the output unit; what no JSON Schema has found has no `keywordLocation` but the root.

    Source: JSON Schema 2020-12, Core, section 12.4.2.
    """
    units: list[Json] = [
        {
            "valid": False,
            "keywordLocation": json_pointer(entry.keyword),
            "instanceLocation": json_pointer(entry.path),
            "error": entry.detail(),
        }
        for entry in found.entries
    ]
    return {"valid": not units, "errors": units}


def shown(found: Findings, view: View) -> dict[str, Json]:
    """Return what a problem says beside `errors`."""
    members: dict[str, Json] = {"truncated": True} if found.is_truncated else {}
    if view is View.TREE:
        members["tree"] = tree(found)
    if view is View.BASIC:
        members["basic"] = basic(found)
    return members
