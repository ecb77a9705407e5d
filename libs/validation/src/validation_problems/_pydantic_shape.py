"""What a pydantic model declares, as far as the place of an error goes through it.

Pydantic's places have the branches of unions in them, which no input has. Which steps those are is in the
core schema that pydantic itself validates by; it is read once for each model.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pydantic import TypeAdapter

type Node = Mapping[str, object]

_ARRAYS: Final = frozenset({"list", "set", "frozenset", "generator"})
# What stands around a schema and is no step of a place.
_AROUND: Final = frozenset(
    {"dataclass", "default", "function-after", "function-before", "function-wrap", "model", "nullable"}
)
_INNER: Final = {
    "definitions": "schema",
    "json-or-python": "json_schema",
    "lax-or-strict": "lax_schema",
    **dict.fromkeys(_AROUND, "schema"),
}


class Shape:
    """One place: its members, its items, or how many branches it has, and the constants that it allows."""

    __slots__ = ("branches", "expected", "is_mapping", "item", "names", "tags")

    def __init__(self) -> None:
        self.names: dict[str | int, Shape] = {}
        self.item: Shape | None = None
        self.is_mapping = False
        self.branches = 0
        self.tags: dict[object, Shape] | None = None
        self.expected: Sequence[object] = ()


def adapter_of(declared: object) -> TypeAdapter[object]:
    if isinstance(declared, TypeAdapter):
        return declared
    return TypeAdapter(declared)  # type: ignore[arg-type]  # a type at run time alone


def shape_of(declared: object) -> Shape:
    return _Reading().shape(adapter_of(declared).core_schema)


class _Reading:
    """Reads one core schema. What refers to itself is read once."""

    def __init__(self) -> None:
        self._definitions: dict[object, Node] = {}
        self._shapes: dict[tuple[int, int], Shape] = {}

    def shape(self, node: Node) -> Shape:
        node, more = self._unwrapped(node)
        if (known := self._shapes.get((id(node), more))) is not None:
            return known
        shape = self._shapes[id(node), more] = Shape()
        self._fill(shape, node, more)
        return shape

    def _unwrapped(self, node: Node) -> tuple[Node, int]:
        """Return what stands within, and how many times `null` is allowed beside it."""
        more = 0
        while True:
            kind = str(node["type"])
            for definition in _nodes(node.get("definitions")):
                self._definitions[definition["ref"]] = definition
            if kind == "definition-ref":
                node = self._definitions[node["schema_ref"]]
            elif kind == "chain":
                node = _nodes(node["steps"])[-1]
            elif kind in _INNER:
                more += kind == "nullable"
                node = _node(node[_INNER[kind]])
            else:
                return node, more

    def _fill(self, shape: Shape, node: Node, more: int) -> None:
        match node:
            case {"type": "model-fields" | "typed-dict", "fields": dict() as fields}:
                self._members(shape, fields.items())
            case {"type": "dataclass-args", "fields": list() as fields}:
                self._members(shape, ((field["name"], field) for field in fields))
            case {"type": str() as kind, "items_schema": dict() as item} if kind in _ARRAYS:
                shape.item = self.shape(item)
            case {"type": "tuple", "items_schema": list() as items}:
                shape.names.update((number, self.shape(item)) for number, item in enumerate(items))
            case {"type": "dict", "values_schema": dict() as values}:
                shape.is_mapping, shape.item = True, self.shape(values)
            case {"type": "union", "choices": list() as choices}:
                shape.branches = len(choices) + more
            case {"type": "tagged-union", "choices": dict() as choices}:
                shape.branches = len(choices) + more
                shape.tags = {tag: self.shape(choice) for tag, choice in choices.items()}
            case {"type": "literal", "expected": list() as expected}:
                shape.expected = expected
            case {"type": "enum", "members": list() as members}:
                shape.expected = [member.value for member in members]

    def _members(self, shape: Shape, fields: Iterable[tuple[str, Node]]) -> None:
        for name, field in fields:
            alias = field.get("validation_alias")
            shape.names[alias if isinstance(alias, str) else name] = self.shape(_node(field["schema"]))


def _node(node: object) -> Node:
    if not isinstance(node, Mapping):
        raise TypeError("a core schema has schemas within")
    return node


def _nodes(nodes: object) -> Sequence[Node]:
    return [_node(node) for node in nodes] if isinstance(nodes, list) else []
