"""One mistake, as the mistakes of all libraries are told: where, which, with what params; sorted, bounded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from urllib.parse import quote

from service_kit.json_text import Json
from validation.codes import CODES

type Path = tuple[str | int, ...]

# What a fragment may hold as it is, of what `quote` would escape. Source: RFC 3986, section 3.5.
_UNESCAPED: Final = "~!$&'()*+,;=:@"


def json_pointer(path: Iterable[str | int]) -> str:
    """Write a path as RFC 6901 does. The root is the empty text, and an empty name is a step like others."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def pointer(path: Iterable[str | int]) -> str:
    """Write it as a URI fragment. Source: RFC 6901, section 6."""
    return "#" + quote(json_pointer(path), safe=f"/{_UNESCAPED}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One mistake. `path` leads to it in the input, `keyword` to the rule that it breaks in the schema."""

    path: Path
    code: str
    params: Mapping[str, Json] = field(default_factory=dict)
    keyword: Path = ()

    def document(self) -> dict[str, Json]:
        return {
            "pointer": pointer(self.path),
            "code": self.code,
            "detail": CODES[self.code].explain(self.params),
            "params": dict(self.params),
            "location": "body",
        }


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with one input, in an order that does not depend on how the input was written."""

    entries: tuple[Entry, ...] = ()
    is_truncated: bool = False

    @property
    def is_valid(self) -> bool:
        return not self.entries


VALID: Final = Findings()


def findings(found: Iterable[Entry], most: int) -> Findings:
    """Take so many at most, while they are found, and sort them by pointer, bytewise, and then by code."""
    taken: dict[tuple[bytes, str, str], Entry] = {}
    for entry in found:
        taken.setdefault((pointer(entry.path).encode(), entry.code, repr(entry.params)), entry)
        if len(taken) > most:
            break
    ordered = [taken[key] for key in sorted(taken)]
    return Findings(tuple(islice(ordered, most)), len(ordered) > most)
