"""Which flags need which: what a change may not break."""

from collections.abc import Mapping

from flags.documents import Condition, Flag, Segment
from flags.errors import InUseError, InvalidInputError


def check(flag: Flag, flags: Mapping[str, Flag], segments: Mapping[str, Segment]) -> None:
    """Refuse what is not there, a variant that is none, and a circle; a diamond is fine.

    Raises: InvalidInputError.
    """
    for number, needed in enumerate(flag.prerequisites):
        other = flags.get(needed.flag)
        pointer = f"#/prerequisites/{number}"
        if other is None or other.archived:
            raise InvalidInputError("unknown_flag", f"There is no flag {needed.flag}.", f"{pointer}/flag")
        if needed.variant not in other.variants:
            raise InvalidInputError(
                "unknown_variant", f"{needed.flag} has no such variant.", f"{pointer}/variant"
            )
        if reaches(needed.flag, flag.key, flags):
            raise InvalidInputError("prerequisite_cycle", f"{needed.flag} needs {flag.key}.", pointer)
    for number, rule in enumerate(flag.rules):
        for place, condition in enumerate(rule.when):
            for key in segments_of(condition):
                if key not in segments or segments[key].archived:
                    pointer = f"#/rules/{number}/when/{place}"
                    raise InvalidInputError("unknown_segment", f"There is no segment {key}.", pointer)


def reaches(start: str, goal: str, flags: Mapping[str, Flag]) -> bool:
    """Tell whether a flag is another, or needs it by any way. Each flag is looked at once."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        key = waiting.pop()
        if key == goal:
            return True
        if key not in seen and key in flags:
            seen.add(key)
            waiting += [needed.flag for needed in flags[key].prerequisites]
    return False


def check_variants_kept(flag: Flag, flags: Mapping[str, Flag]) -> None:
    """Refuse to take a variant away that another flag waits for. Raises: InUseError."""
    users = {
        other.key
        for other in flags.values()
        for needed in other.prerequisites
        if not other.archived and needed.flag == flag.key and needed.variant not in flag.variants
    }
    if users:
        raise InUseError(sorted(users))


def check_unused(key: str, flags: Mapping[str, Flag]) -> None:
    """Refuse to archive a flag that others need. Raises: InUseError."""
    users = [
        other.key
        for other in flags.values()
        if not other.archived and any(needed.flag == key for needed in other.prerequisites)
    ]
    if users:
        raise InUseError(sorted(users))


def check_segment_unused(key: str, flags: Mapping[str, Flag]) -> None:
    """Refuse to archive a segment that flags ask for. Raises: InUseError."""
    users = [
        flag.key
        for flag in flags.values()
        if not flag.archived and any(key in segments_of(one) for rule in flag.rules for one in rule.when)
    ]
    if users:
        raise InUseError(sorted(users))


def segments_of(condition: Condition) -> list[str]:
    return [str(key) for key in condition.values] if condition.operator == "in_segment" else []
