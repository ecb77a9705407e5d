"""One mistake, as the mistakes of all libraries are told: where, which, with what params; sorted, bounded."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

from validation_problems._codes import CODES
from validation_problems._value import Json

type Path = tuple[str | int, ...]
type Location = Literal["body", "query", "path", "header", "cookie"]

DEFAULT_MAX_ERRORS: Final = 100
NO_PARAMS: Final[Mapping[str, Json]] = MappingProxyType({})
# What a fragment may hold as it is, of what `quote` would escape. Source: RFC 3986, section 3.5.
_UNESCAPED: Final = "~!$&'()*+,;=:@"


def json_pointer(path: Iterable[str | int]) -> str:
    """Write a path as RFC 6901 does. The root is the empty text, and an empty name is a step like others."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def fragment(path: Iterable[str | int]) -> str:
    """Write it as a URI fragment. Source: RFC 6901, section 6."""
    pointer = "#"
    for step in path:
        if isinstance(step, int) or (step.isidentifier() and step.isascii()):
            pointer = f"{pointer}/{step}"
        else:
            escaped = step.replace("~", "~0").replace("/", "~1")
            pointer = f"{pointer}/{quote(escaped, safe=_UNESCAPED)}"
    return pointer


class Entry(NamedTuple):
    """One mistake. `path` leads to it in the input, `keyword` to the rule that it breaks in a JSON Schema."""

    path: Path
    code: str
    params: Mapping[str, Json] = NO_PARAMS
    keyword: Path = ()
    location: Location = "body"

    def detail(self) -> str:
        return CODES[self.code].explain(self.params)


class Findings(NamedTuple):
    """What is wrong with one input, in an order that does not depend on how the input was written."""

    by_pointer: tuple[tuple[str, Entry], ...] = ()
    is_truncated: bool = False

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for _, entry in self.by_pointer)

    def document(self) -> list[dict[str, Json]]:
        """Return the member `errors` of a problem."""
        return [
            {
                "pointer": pointer,
                "code": entry.code,
                "detail": entry.detail(),
                "params": dict(entry.params),
                "location": entry.location,
            }
            for pointer, entry in self.by_pointer
        ]


NOTHING_FOUND: Final = Findings()


def findings(found: Iterable[Entry], max_errors: int = DEFAULT_MAX_ERRORS) -> Findings:
    """Take so many at most, while they are found, and sort them by pointer, bytewise, and then by code.

    What two rules find alike is told once.
    """
    taken: dict[tuple[str, str, str], tuple[str, Entry]] = {}
    for entry in found:
        path, code, params, _, location = entry
        pointer = fragment(path)
        # Most have a place and a code of their own; params are written out only to tell others apart.
        key: tuple[str, str, str] = (pointer, code, location)
        if key in taken:
            if params == taken[key][1].params:
                continue
            key = (pointer, code, f"{location} {params}")
        taken[key] = (pointer, entry)
        if len(taken) > max_errors:
            break
    ordered = [taken[key] for key in sorted(taken)]
    return Findings(tuple(ordered[:max_errors]), len(ordered) > max_errors)
