"""Which alternative of a `oneOf` or `anyOf` was meant: the one that a constant picks which all have."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final
from urllib.parse import urljoin

from jsonschema_rs import Draft202012, ReferencingError, Registry, Resolver

from validation_problems._entries import Path
from validation_problems._quick import whole
from validation_problems._value import Value

BASE: Final = "https://schema.invalid/schema"
"""The URI of a schema that has no `$id`. No such host can exist."""
_REFERENCES: Final = ("$ref", "$dynamicRef")

type Branch = Mapping[str, Value]


class Schemas:
    """A schema in which one can look up what stands behind a reference; it fetches nothing."""

    def __init__(self, schema: Value) -> None:
        self._schema = schema
        self._registry = Registry([(BASE, schema)], draft=Draft202012)

    def branches(self, evaluation_path: Path) -> Sequence[Branch]:
        """Return the alternatives at this keyword, each behind its references."""
        node, resolver = self._schema, self._registry.resolver(BASE)
        try:
            for step in evaluation_path:
                node, resolver = _step(node, step, self._within(node, resolver))
            alternatives = node if isinstance(node, list) else []
            return [self._behind(one, self._within(one, resolver)) for one in alternatives]
        except (LookupError, TypeError, ReferencingError):
            return []

    def _within(self, node: Value, resolver: Resolver) -> Resolver:
        """Enter the resource that this schema is, if it has an `$id`."""
        own = node.get("$id") if isinstance(node, dict) else None
        return self._registry.resolver(urljoin(resolver.base_uri, own)) if isinstance(own, str) else resolver

    def _behind(self, node: Value, resolver: Resolver) -> Branch:
        if not isinstance(node, dict):
            return {}
        reference = next((node[name] for name in _REFERENCES if name in node), None)
        if not isinstance(reference, str):
            return node
        found = resolver.lookup(reference)
        return {**node, **self._behind(whole(found.contents), found.resolver)}


def _step(node: Value, step: str | int, resolver: Resolver) -> tuple[Value, Resolver]:
    if isinstance(node, list):
        return node[int(step)], resolver
    if not isinstance(node, dict):
        raise LookupError(step)  # noqa: TRY004 - it is not there
    following = node[str(step)]
    if step in _REFERENCES and isinstance(following, str):
        found = resolver.lookup(following)
        return whole(found.contents), found.resolver
    return following, resolver


def pick(branches: Sequence[Branch], value: Value) -> int | None:
    """Return the alternative whose constant the value has, for a member that is constant in all of them."""
    if not isinstance(value, dict) or not branches:
        return None
    constants = [_constants(branch) for branch in branches]
    for name in sorted(set.intersection(*map(set, constants)) & value.keys()):
        own = _written(value[name])
        picked = [number for number, of_branch in enumerate(constants) if own in of_branch[name]]
        if len(picked) == 1:
            return picked[0]
    return None


def _constants(branch: Branch) -> dict[str, frozenset[str]]:
    """Return the members of which it allows some values only, by `const` or `enum`."""
    found: dict[str, frozenset[str]] = {}
    properties = branch.get("properties")
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        if isinstance(schema, dict) and "const" in schema:
            found[name] = frozenset({_written(schema["const"])})
        elif isinstance(schema, dict) and isinstance(options := schema.get("enum"), list):
            found[name] = frozenset(map(_written, options))
    return found


def _written(value: Value) -> str:
    """Write it in one way, so that equal values are equal texts: 1 is 1.0, and neither is true."""
    return json.dumps(whole(value), sort_keys=True, default=_tagged)


def _tagged(number: Decimal) -> dict[str, str]:
    return {"decimal": str(number)}
