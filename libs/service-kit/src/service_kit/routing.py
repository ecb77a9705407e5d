"""Which paths and methods a service has: one table, made from what its framework knows, for all frameworks.

It answers what they answer differently or wrongly: HEAD, OPTIONS, a complete Allow, and other spellings of a
path.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from service_kit.json_text import Json, as_mapping
from service_kit.negotiation import Operation, operation_of
from service_kit.problems import ProblemError, of_status

UNMATCHED = "unmatched"
ROUTE = "service_kit.route"
"""Where an ASGI scope has the template of its path, once that is known."""
PARAMETER = re.compile(r"{(\w+)(?::(\w+))?}")


class Route(NamedTuple):
    """A route as its framework has it; the parameter of `/files/{name:path}` takes slashes."""

    path: str
    methods: frozenset[str] | None
    """None: what is mounted there decides. Empty: a page of the framework's own, which is not served."""


class Match(NamedTuple):
    """What the table knows of one request's target."""

    template: str
    allow: str
    """The value of the header; empty where the framework decides."""
    operation: Operation | None
    values: Mapping[str, str]
    """Those of the parameters in the path."""


class _Resource:
    """All methods of one template."""

    def __init__(self, path: str) -> None:
        self.template = template(path)
        self.pattern = re.compile(_pattern(path), re.DOTALL)
        self.names = [name for name, _ in PARAMETER.findall(path)]
        self.operations: dict[str, Operation] = {}
        self.is_open = False

    def match(self, method: str, allow: str, values: Iterable[str]) -> Match:
        named = dict(zip(self.names, values, strict=True))
        return Match(self.template, allow, self.operations.get(method), named)


class RouteTable:
    """Finds a request's route before the framework does."""

    def __init__(self, routes: Iterable[Route], document: Mapping[str, Json]) -> None:
        paths = as_mapping(document.get("paths"))
        resources: dict[str, _Resource] = {}
        for path, methods in routes:
            resource = resources.setdefault(path, _Resource(path))
            described = as_mapping(paths.get(resource.template))
            resource.is_open |= methods is None
            for method in methods or ():
                resource.operations[method] = operation_of(described.get(method.lower()))
        for resource in resources.values():
            if "GET" in resource.operations:
                resource.operations.setdefault("HEAD", resource.operations["GET"])
        self._fixed = {path: resource for path, resource in resources.items() if not resource.names}
        self._open = [resource for resource in resources.values() if resource.names]
        self._matches: dict[tuple[str, str], Match] = {}
        self._allow: dict[tuple[str, ...], str] = {}

    def match(self, method: str, path: str) -> Match:
        """Find the route.

        What the table does not know is a 404 here: a framework may forgive more than a slash. Starlette takes
        `/reminders%0A` for `/reminders`, and such a request would meet no check of its query or its body.
        Raises: ProblemError, of 404 and of 405.
        """
        known = self._matches.get((method, path))
        if known is not None:
            return known
        found = self._candidates(path)
        if not found:
            raise ProblemError(of_status(404))
        match = _choose(method, found, self._allow_of(found))
        if path in self._fixed:  # these are few, while paths with parameters have no bound
            self._matches[method, path] = match
        return match

    def _allow_of(self, found: list[tuple[_Resource, tuple[str, ...]]]) -> str:
        """Return the value of Allow, which is put together once for each set of resources."""
        key = tuple(resource.pattern.pattern for resource, _ in found)
        known = self._allow.get(key)
        if known is None:
            methods = {"OPTIONS"}.union(*(resource.operations for resource, _ in found))
            known = self._allow[key] = ", ".join(sorted(methods))
        return known

    def template_of(self, path: str) -> str:
        """Return the label of a path whose method is refused."""
        found = self._candidates(path)
        return found[0][0].template if found else UNMATCHED

    def _candidates(self, path: str) -> list[tuple[_Resource, tuple[str, ...]]]:
        fixed = self._fixed.get(path)
        found: list[tuple[_Resource, tuple[str, ...]]] = [] if fixed is None else [(fixed, ())]
        found += [
            (resource, matched.groups())
            for resource in self._open
            if (matched := resource.pattern.fullmatch(path)) is not None
        ]
        return found


def _choose(method: str, found: list[tuple[_Resource, tuple[str, ...]]], allow: str) -> Match:
    if not any(resource.operations or resource.is_open for resource, _ in found):
        raise ProblemError(of_status(404))
    for resource, values in found:
        if method in resource.operations or resource.is_open:
            return resource.match(method, "" if resource.is_open else allow, values)
    if method == "OPTIONS":
        return found[0][0].match(method, allow, found[0][1])
    raise ProblemError(of_status(405, headers={"Allow": allow}))


def template(path: str) -> str:
    """Write a route as OpenAPI does: `/files/{name}` for `/files/{name:path}`."""
    return PARAMETER.sub(r"{\1}", path)


def _pattern(path: str) -> str:
    texts = PARAMETER.split(path)
    parts = [re.escape(texts[0])]
    for kind, text in zip(texts[2::3], texts[3::3], strict=True):
        parts += ["(.*)" if kind == "path" else "([^/]+)", re.escape(text)]
    return "".join(parts)
