from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backup.domain import Manifest, Marks, Reason, Version
from backup.retention import Policy, kept
from backup.ulid import ulid

NOTHING = Policy(0, 0, 0, 0)


def version(text: str, marks: Marks | None = None) -> Version:
    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    version_id = ulid(at)
    manifest = Manifest(1, version_id, "shop", at, Reason.REQUEST, {}, "", [], None)
    return Version(version_id, at, manifest, marks or Marks())


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (replace(NOTHING, last=2), ["2025-01-01T00:00", "2024-12-31T23:59"]),
        (replace(NOTHING, daily=2), ["2025-01-01T00:00", "2024-12-31T23:59"]),
        # Monday, 30 December, and Wednesday, 1 January, are of one week.
        (replace(NOTHING, weekly=2), ["2025-01-01T00:00", "2024-12-29T23:59"]),
        (replace(NOTHING, monthly=3), ["2025-01-01T00:00", "2024-12-31T23:59", "2024-11-30T12:00"]),
    ],
)
def test_the_newest_of_each_period_are_kept(policy: Policy, wanted: list[str]) -> None:
    moments = [
        "2024-11-30T12:00",
        "2024-12-29T23:59",
        "2024-12-30T00:00",
        "2024-12-31T23:59",
        "2025-01-01T00:00",
    ]
    versions = {text: version(text) for text in moments}
    assert set(kept(list(versions.values()), policy)) == {versions[text].id for text in wanted}


def test_periods_without_a_version_do_not_count() -> None:
    old, new = version("2020-01-01T00:00"), version("2025-01-01T00:00")
    assert set(kept([old, new], replace(NOTHING, daily=2))) == {old.id, new.id}


def test_of_what_is_proven_the_newest_version_stays() -> None:
    older, newer = (
        version(text, Marks(proven_at=datetime(2025, 2, day, tzinfo=UTC)))
        for text, day in (("2024-01-01T00:00", 9), ("2024-02-01T00:00", 1))
    )
    assert kept([older, newer], NOTHING) == {newer.id: ["proven"]}


def test_what_is_damaged_is_kept_and_takes_nobodys_place() -> None:
    whole, damaged = version("2024-01-01T00:00"), version("2024-02-01T00:00")
    damaged = replace(damaged, manifest=None)
    assert kept([whole, damaged], replace(NOTHING, last=1)) == {whole.id: ["last"], damaged.id: ["damaged"]}
