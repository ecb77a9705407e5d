"""Grandfather, father, son: which versions are kept, and why."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backup.domain import Version


@dataclass(frozen=True)
class Policy:
    """How many are kept: of the newest, and of the newest of each day, week and month."""

    last: int
    daily: int
    weekly: int
    monthly: int


def _day(moment: datetime) -> object:
    return moment.date()


def _week(moment: datetime) -> object:
    return moment.isocalendar()[:2]


def _month(moment: datetime) -> object:
    return moment.year, moment.month


def kept(versions: Sequence[Version], policy: Policy) -> Mapping[str, Sequence[str]]:
    """Return the ids of the versions to keep, each with the reasons. Days, weeks and months are those of UTC.

    Beside what the policy asks for, a version stays that is pinned, that is damaged, so that a person can
    look at it, or that is the newest that was proven by a restore: else there may be no backup at all.
    """
    whole = sorted(
        (version for version in versions if version.manifest is not None),
        key=lambda version: (version.taken_at, version.id),
        reverse=True,
    )
    reasons: dict[str, list[str]] = {}

    def keep(reason: str, chosen: Iterable[Version]) -> None:
        for version in chosen:
            reasons.setdefault(version.id, []).append(reason)

    keep("last", whole[: policy.last])
    keep("daily", _newest_of_each(whole, _day)[: policy.daily])
    keep("weekly", _newest_of_each(whole, _week)[: policy.weekly])
    keep("monthly", _newest_of_each(whole, _month)[: policy.monthly])
    keep("pinned", (version for version in versions if version.marks.is_pinned))
    keep("damaged", (version for version in versions if version.manifest is None))
    keep("proven", [version for version in whole if version.marks.proven_at is not None][:1])
    return reasons


def _newest_of_each(newest_first: Sequence[Version], period: Callable[[datetime], object]) -> list[Version]:
    found: dict[object, Version] = {}
    for version in newest_first:
        found.setdefault(period(version.taken_at), version)
    return list(found.values())
