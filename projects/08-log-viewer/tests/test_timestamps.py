"""Timestamps where the features would need a long table."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from log_viewer.levels import read_level
from log_viewer.timestamps import Clock, Stamp, read_instant, read_stamp, write_instant

LOGHUB = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "loghub"
SAMPLES = ("Android", "Apache", "Hadoop", "Linux", "OpenSSH", "OpenStack", "Spark", "Zookeeper")
LEVELS = {
    "V": "trace",
    "D": "debug",
    "I": "info",
    "W": "warning",
    "E": "error",
    "INFO": "info",
    "WARN": "warning",
    "WARNING": "warning",
    "ERROR": "error",
    "FATAL": "critical",
    "notice": "info",
    "error": "error",
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_each_line_of_a_sample_of_loghub_has_its_timestamp_and_level(sample: str) -> None:
    path = LOGHUB / f"{sample}_2k.log"
    if not path.is_file():
        pytest.skip("the samples of loghub are not beside the repository")
    lines = path.read_bytes().splitlines()
    with (LOGHUB / f"{sample}_2k.log_structured.csv").open(encoding="utf-8", errors="replace") as file:
        truths = list(csv.DictReader(file))
    assert len(truths) == len(lines)
    clock = Clock(ZoneInfo("UTC"))
    for line, truth in zip(lines, truths, strict=True):
        stamp = read_stamp(line)
        assert stamp is not None, line
        seconds = clock.instant(stamp, 2000) // 10**9
        wanted = truth.get("Time", "")[-20:].replace(",", ".").split(".")[0]
        if ":" in wanted:
            moment = datetime.fromtimestamp(seconds, UTC)
            assert f"{moment:%H:%M:%S}" in {wanted[-8:], wanted[-13:-5]}, line
        if level := LEVELS.get(truth.get("Level", "")):
            assert read_level(line) == level, line


@pytest.mark.parametrize(
    ("line", "time"),
    [
        (b"2016-12-31T23:59:60Z a leap second", "2017-01-01T00:00:00.000000000Z"),
        (b"1969-12-31T23:59:59.5Z before the epoch", "1969-12-31T23:59:59.500000000Z"),
        (b"0001-01-01T00:00:00Z the first", "0001-01-01T00:00:00.000000000Z"),
        (b"9999-12-31T23:59:59.999999999Z the last", "9999-12-31T23:59:59.999999999Z"),
        (b'{"ts":0.5}', None),
        (b'{"ts":true,"m":1}', None),
        (b'{"time":null}', None),
        (b'{"time":["2026-01-01T00:00:00Z"]}', None),
        (b'{"a":1}', None),
        (b"[2026-01-01T00:00:00Z]", "2026-01-01T00:00:00.000000000Z"),
        (b"2026-01-01T00:00:00Z0", None),
        (b"2026-01-01T00:00:00+24:00 x", "2026-01-01T00:00:00.000000000Z"),
        (b"", None),
        (b"\xff\xfe", None),
        (b"a" * 5000, None),
    ],
)
def test_the_edges_of_what_is_a_timestamp(line: bytes, time: str | None) -> None:
    stamp = read_stamp(line)
    clock = Clock(ZoneInfo("UTC"))
    assert (write_instant(clock.instant(stamp)) if stamp is not None else None) == time


def test_an_hour_that_comes_twice_is_the_first() -> None:
    clock = Clock(ZoneInfo("Europe/Berlin"))
    stamp = read_stamp(b"2025-10-26 02:30:00 x")
    assert stamp is not None
    assert write_instant(clock.instant(stamp)) == "2025-10-26T00:30:00.000000000Z"


@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01T00:00:00", "x", "", "2026/01/01 00:00:00Z"])
def test_what_is_no_instant_is_none(text: str) -> None:
    assert read_instant(text) is None


def test_a_leap_day_is_in_no_other_year() -> None:
    stamp = read_stamp(b"Feb 29 12:00:00 host app: x")
    assert stamp == Stamp(951_825_600, 0, None, has_year=False)
    clock = Clock(ZoneInfo("UTC"))
    assert write_instant(clock.instant(stamp, 2024)) == "2024-02-29T12:00:00.000000000Z"
    with pytest.raises(ValueError, match="day"):
        clock.instant(stamp, 2023)
