from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminders.domain import Recurrence
from reminders.errors import InvalidFieldError
from reminders.recurrence import Schedule

BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def schedule(rrule: str, start: datetime, zone: str = "Europe/Berlin") -> Schedule:
    return Schedule(Recurrence(rrule, zone, start))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_nine_oclock_stays_nine_oclock_when_daylight_saving_begins() -> None:
    start = local("2027-03-26T09:00")
    assert schedule("FREQ=DAILY", start).upcoming(start, 3) == [
        utc("2027-03-27T08:00"),
        utc("2027-03-28T07:00"),
        utc("2027-03-29T07:00"),
    ]


def test_a_time_in_the_gap_comes_later_by_the_gap() -> None:
    start = local("2027-03-27T02:30")
    assert schedule("FREQ=DAILY", start).upcoming(start, 2) == [
        utc("2027-03-28T01:30"),  # 03:30 in Berlin: 02:30 does not exist
        utc("2027-03-29T00:30"),
    ]


def test_a_time_that_comes_twice_is_meant_the_first_time() -> None:
    start = local("2026-10-24T02:30")
    assert schedule("FREQ=DAILY", start).upcoming(start, 2) == [
        utc("2026-10-25T00:30"),  # still summer time
        utc("2026-10-26T01:30"),
    ]


def test_two_local_times_that_meet_in_the_gap_fire_once_and_in_the_order_of_time() -> None:
    start = local("2027-03-27T03:00")
    rule = "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,45"
    assert schedule(rule, start).upcoming(local("2027-03-28T00:00"), 5) == [
        utc("2027-03-28T01:00"),  # 02:00, moved to 03:00, and 03:00 itself
        utc("2027-03-28T01:45"),  # 02:45, moved to 03:45, and 03:45 itself
        utc("2027-03-29T00:00"),
        utc("2027-03-29T00:45"),
        utc("2027-03-29T01:00"),
    ]


def test_a_zone_with_half_an_hour_of_daylight_saving() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    start = local("2026-10-03T02:15", zone)
    assert schedule("FREQ=DAILY", start, "Australia/Lord_Howe").first_after(start) == utc("2026-10-03T15:45")


@pytest.mark.parametrize(
    ("rrule", "start", "following"),
    [
        ("FREQ=WEEKLY;BYDAY=MO,WE", "2026-11-16T09:00", "2026-11-18T09:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2027-01-31T09:00", "2027-03-31T09:00"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-11-30T09:00", "2026-12-31T09:00"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-02-29T09:00", "2028-02-29T09:00"),
        ("RRULE:FREQ=DAILY;INTERVAL=3", "2026-11-20T09:00", "2026-11-23T09:00"),
    ],
)
def test_rules(rrule: str, start: str, following: str) -> None:
    rule = schedule(rrule, local(start))
    rule.check()
    assert rule.first_after(local(start)) == local(following)


def test_count_and_until_end_a_rule() -> None:
    start = local("2026-11-20T09:00")
    assert len(schedule("FREQ=DAILY;COUNT=3", start).upcoming(start, 10)) == 2
    # 08:00 in UTC is 09:00 in Berlin, and still counts.
    assert schedule("FREQ=DAILY;UNTIL=20261122T080000Z", start).upcoming(start, 10) == [
        utc("2026-11-21T08:00"),
        utc("2026-11-22T08:00"),
    ]


def test_a_fraction_of_a_second_is_kept() -> None:
    start = utc("2026-11-20T09:00:00.250")
    assert schedule("FREQ=DAILY", start).first_after(start) == utc("2026-11-21T09:00:00.250")


def test_the_latest_missed_occurrence_is_the_last_one_that_has_passed() -> None:
    start = local("2026-11-20T09:00")
    rule = schedule("FREQ=DAILY", start)
    assert rule.latest(start, local("2026-11-24T08:59")) == local("2026-11-23T09:00")
    assert rule.latest(start, local("2026-11-24T09:00")) == local("2026-11-24T09:00")
    assert rule.latest(start, local("2026-11-21T08:59")) is None


@pytest.mark.parametrize(
    ("rrule", "start"),
    [
        ("FREQ=WEEKLY;BYDAY=MO", local("2026-11-20T09:00")),
        ("FREQ=DAILY;UNTIL=20261119T080000Z", local("2026-11-20T09:00")),
        # 02:30 comes twice on that day, and a rule means the first.
        ("FREQ=DAILY", utc("2026-10-25T01:30")),
    ],
)
def test_a_reminder_that_is_not_itself_a_time_of_its_rule_is_refused(rrule: str, start: datetime) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        schedule(rrule, start).check()
    assert (refused.value.path, refused.value.code) == (("remind_at",), "not_in_recurrence")


def test_two_local_times_that_meet_in_the_gap_count_as_one() -> None:
    start = local("2027-03-27T02:00")
    rule = schedule("FREQ=DAILY;BYHOUR=2,3;COUNT=6", start)
    assert [start, *rule.upcoming(start, 10)] == [
        utc("2027-03-27T01:00"),
        utc("2027-03-27T02:00"),
        utc("2027-03-28T01:00"),  # 02:00, moved to 03:00, and 03:00 itself
        utc("2027-03-29T00:00"),
        utc("2027-03-29T01:00"),
        utc("2027-03-30T00:00"),
    ]
    assert rule.first_after(utc("2027-03-29T23:00")) == utc("2027-03-30T00:00")
    assert rule.first_after(utc("2027-03-30T00:00")) is None


def test_until_is_a_moment_also_in_an_hour_that_comes_twice() -> None:
    """02:45 comes first at 00:45 in UTC; 01:30 in UTC is 02:30, the second time."""
    start = local("2026-10-24T02:45")
    assert schedule("FREQ=DAILY;UNTIL=20261025T013000Z", start).upcoming(start, 10) == [
        utc("2026-10-25T00:45")
    ]


def test_until_is_a_moment_also_where_a_gap_has_moved_a_time() -> None:
    start = local("2027-03-27T02:30")
    for until, last in [("012959", []), ("013000", [utc("2027-03-28T01:30")])]:
        rule = schedule(f"FREQ=DAILY;UNTIL=20270328T{until}Z", start)
        assert rule.upcoming(start, 10) == last


COSTLY = [
    "FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=2",
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30,31",
    "FREQ=YEARLY;BYMONTH=2,4,6;BYMONTHDAY=31",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR="
    + ",".join(map(str, range(24)))
    + ";BYSETPOS="
    + ",".join(map(str, range(-366, -342))),
    "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
    "FREQ=DAILY;INTERVAL=1000;BYMONTH=2;BYDAY=MO;BYHOUR=" + ",".join(map(str, range(24))),
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYMONTH=2;COUNT=10000",
    "FREQ=YEARLY;BYDAY=+5SU;BYMONTH=2;BYMONTHDAY=28",
]


@pytest.mark.parametrize("rrule", COSTLY)
def test_the_search_for_the_next_time_has_a_budget(rrule: str) -> None:
    """By steps and not by time: what a rule is judged to be must not depend on how busy the machine is."""
    rule = schedule(rrule, local("2026-11-20T09:00"))
    began = process_time()
    with pytest.raises(InvalidFieldError):
        rule.check()
    assert process_time() - began < 1.0


def test_a_rare_time_is_found() -> None:
    start = local("2088-02-29T09:00")
    rule = schedule("FREQ=MONTHLY;BYMONTH=2;BYDAY=5SU", start)
    rule.check()
    assert rule.first_after(start) == local("2128-02-29T09:00")


def test_an_hourly_rule_of_ten_years_is_gone_through_in_no_time() -> None:
    start = local("2026-11-20T09:00")
    rule = schedule("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))), start)
    began = process_time()
    assert rule.first_after(local("2036-11-20T09:00")) == local("2036-11-20T10:00")
    assert process_time() - began < 1.0


def test_a_rule_ends_with_the_calendar() -> None:
    start = utc("9998-12-31T23:30")
    rule = schedule("FREQ=YEARLY", start, "Pacific/Honolulu")
    assert rule.upcoming(start, 5) == []


@given(
    start=st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - naive is what is drawn
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    rrule=st.sampled_from(["FREQ=DAILY", "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30", "FREQ=MONTHLY"]),
)
def test_occurrences_strictly_follow_one_another(start: datetime, zone: str, rrule: str) -> None:
    begin = start.replace(tzinfo=UTC)
    moments = schedule(rrule, begin, zone).upcoming(begin, 30)
    assert all(before < after for before, after in pairwise([begin, *moments]))
    assert schedule(rrule, begin, zone).first_after(moments[3]) == moments[4]
    assert schedule(rrule, begin, zone).latest(begin, moments[4] + timedelta(microseconds=1)) == moments[4]


@pytest.mark.parametrize(
    "rrule",
    [
        "",
        "FREQ=HOURLY",
        "FREQ=SECONDLY",
        "INTERVAL=2",
        "FREQ=DAILY;FREQ=WEEKLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=1,2",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=3;UNTIL=20270101T000000Z",
        "FREQ=DAILY;UNTIL=20270101",
        "FREQ=DAILY;UNTIL=20271301T000000Z",
        "FREQ=DAILY;UNTIL=99991231T235959Z",
        "FREQ=DAILY;BYMONTH=13",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYHOUR=x",
        "FREQ=DAILY;BYMONTHDAY=1",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;BYSETPOS=1",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=YEARLY;BYEASTER=0",
        "FREQ=YEARLY;BYWEEKNO=1",
        "FREQ=DAILY;BYHOUR=0,1,2,3,4;BYMINUTE=0,10,20,30,40",
        "FREQ=DAILY;WKST=8",
        "FREQ=DAILY;",
        "FREQ=DAILY\nRRULE:FREQ=DAILY",
        "FREQ=DAILY;BYDAY=" + ",".join(["MO"] * 200),
        "FREQ=DAILY;BYDAY=",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYSETPOS=" + ",".join(map(str, range(1, 26))),
    ],
)
def test_a_rule_that_is_wrong_or_costly_is_refused(rrule: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        schedule(rrule, utc("2026-11-20T09:00"))
    assert refused.value.path == ("recurrence", "rrule")


@pytest.mark.parametrize(
    "zone",
    [
        *("", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "CEST\0"),
        *("localtime", "posixrules", "right/Europe/Berlin", "posix/UTC", "europe/berlin"),
    ],
)
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        schedule("FREQ=DAILY", utc("2026-11-20T09:00"), zone)
    assert refused.value.path == ("recurrence", "zone")
