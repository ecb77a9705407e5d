"""Which budget a route has: the default policy, or what the policies file (as policies.sample.toml) says."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, with_config

from throttler.errors import PoliciesFileError
from throttler.limiter import Budget, Policy

DEFAULT_POLICY = "default"
GATE_ROUTE = "gate"

MAX_LIMIT = 1_000_000
MAX_WINDOW_SECONDS = 86_400
MAX_COST = 1_000  # the sliding window writes one entry per unit, and Redis does nothing else meanwhile

# The name stands in a structured field and in a Redis key: nothing that would need escaping there.
type PolicyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
type Cost = Annotated[int, Field(ge=1, le=MAX_COST)]
type Names = Annotated[tuple[PolicyName, ...], Field(min_length=1)]


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True)
class _PolicyEntry:
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)]
    window_seconds: Annotated[int, Field(ge=1, le=MAX_WINDOW_SECONDS)]


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True)
class _RouteEntry:
    path: Annotated[str, StringConstraints(pattern=r"^/")]
    policies: Names = (DEFAULT_POLICY,)
    cost: Cost = 1


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True)
class _GateEntry(_RouteEntry):
    methods: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]+$")], ...] = ()


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True)
class _File:
    policies: dict[PolicyName, _PolicyEntry] = field(default_factory=dict)
    routes: tuple[_RouteEntry, ...] = ()
    gate: tuple[_GateEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class GateRule:
    """Requests behind the gate that share one budget."""

    pattern: str
    methods: frozenset[str]
    budget: Budget

    def matches(self, method: str, path: str, *, any_case: bool = False) -> bool:
        if self.methods and method not in self.methods:
            return False
        if any_case:
            return fnmatchcase(path.lower(), self.pattern.lower())
        return fnmatchcase(path, self.pattern)


@dataclass(frozen=True, slots=True)
class Policies:
    """The budget of each limited route, and what the gate limits."""

    budgets: Mapping[str, Budget]
    gate_rules: tuple[GateRule, ...]
    gate_default: Budget

    def gate_budget(self, method: str, path: str, *, any_case: bool = False) -> Budget | None:
        """Return the budget of the first rule that matches a request to the upstream, None if none does."""
        matching = (rule.budget for rule in self.gate_rules if rule.matches(method, path, any_case=any_case))
        return next(matching, None)


def load_policies(file: Path | None, default: Policy, routes: Sequence[str]) -> Policies:
    """Give each of the routes (templates, as `/api/v1/echo/{word}`) its budget.

    Raises: PoliciesFileError.
    """
    content = _File() if file is None else _read(file)
    if DEFAULT_POLICY in content.policies:
        raise PoliciesFileError(f"policies.{DEFAULT_POLICY} is what LIMIT and WINDOW_SECONDS say")
    known = {DEFAULT_POLICY: default} | {
        name: Policy(name, entry.limit, entry.window_seconds) for name, entry in content.policies.items()
    }
    budgets = {route: Budget(route, (default,)) for route in routes}
    for entry in content.routes:
        if entry.path not in routes:
            raise PoliciesFileError(f"routes: {entry.path} is none of {', '.join(routes)}")
        budgets[entry.path] = _budget(entry.path, entry, known)
    _refuse_twice("routes", [entry.path for entry in content.routes])
    rules = tuple(
        GateRule(entry.path, frozenset(entry.methods), _budget(_gate_route(entry), entry, known))
        for entry in content.gate
    )
    _refuse_twice("gate", [rule.budget.route for rule in rules])
    return Policies(budgets, rules, Budget(GATE_ROUTE, (default,)))


def _read(file: Path) -> _File:
    try:
        return TypeAdapter(_File).validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as exc:
        raise PoliciesFileError(f"cannot be read: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise PoliciesFileError(f"is not TOML: {exc}") from exc
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        raise PoliciesFileError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from exc


def _budget(route: str, entry: _RouteEntry, known: Mapping[str, Policy]) -> Budget:
    _refuse_twice(f"policies of {entry.path}", entry.policies)
    for name in entry.policies:
        if name not in known:
            raise PoliciesFileError(f"{entry.path}: there is no policy {name!r}")
        if known[name].limit < entry.cost:
            raise PoliciesFileError(
                f"{entry.path}: a cost of {entry.cost} never fits into {name!r}, limit {known[name].limit}"
            )
    return Budget(route, tuple(known[name] for name in entry.policies), entry.cost)


def _gate_route(entry: _GateEntry) -> str:
    return ":".join([GATE_ROUTE, *entry.methods, entry.path])


def _refuse_twice(where: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise PoliciesFileError(f"{where}: {name} is there twice")
        seen.add(name)
