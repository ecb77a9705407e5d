"""A check is a scenario: its tags say which, in which step of the lesson, and of which extension."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kata.errors import KataError

_TAG = re.compile(
    r"(?P<id>[CES]\d+)|step-(?P<step>\d+)|extension-(?P<extension>[a-z0-9-]+)|after-(?P<after>[CES]\d+)"
    r"|(?P<alone>alone)|(?P<long>long)"
)


@dataclass(frozen=True)
class Check:
    """A scenario of a feature, as its tags describe it."""

    id: str  # C4 is this project's, S4 every service's, E4 an extension's
    sentence: str
    step: int | None
    extension: str | None
    after: str | None  # the check without which this one says nothing
    alone: bool = False  # judged while no other check runs
    long: bool = False  # it waits for most of a verification, and so begins first


def is_check_tag(tag: str) -> bool:
    """Tell whether a tag is ours, and no mark of pytest's."""
    return _TAG.fullmatch(tag) is not None


def check_order(check_id: str) -> tuple[int, int]:
    """Return a key that sorts ids: every service's, the project's own, its extensions'."""
    return "SCE".index(check_id[0]), int(check_id[1:])


def read_check(sentence: str, tags: set[str], steps: Mapping[str, int] = MappingProxyType({})) -> Check:
    """Read a scenario's tags. `steps` are those that the project gives to some checks instead.

    Raises:
        KataError: no tag gives the check its id, or two tags say the same thing.

    """
    found: dict[str, str] = {}
    for tag in sorted(tags):
        match = _TAG.fullmatch(tag)
        if match and match.lastgroup:
            if match.lastgroup in found:
                raise KataError(f"the scenario {sentence!r} has two tags for its {match.lastgroup}")
            found[match.lastgroup] = match[match.lastgroup]
    if "id" not in found:
        raise KataError(f"the scenario {sentence!r} has no @C, @E or @S tag")
    return Check(
        id=found["id"],
        sentence=sentence,
        step=steps.get(found["id"], int(found["step"]) if "step" in found else None),
        extension=found.get("extension"),
        after=found.get("after"),
        alone="alone" in found,
        long="long" in found,
    )
