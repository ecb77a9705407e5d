from datetime import UTC, datetime
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from reminders.schemas import NewReminder, Revision, decode_cursor, encode_cursor, parse_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-02T03:04:05Z", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2027-01-02t03:04:05z", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2027-01-02T03:04:05+05:30", datetime(2027, 1, 1, 21, 34, 5, tzinfo=UTC)),
        ("2027-01-02T03:04:05.25-00:00", datetime(2027, 1, 2, 3, 4, 5, 250_000, tzinfo=UTC)),
        ("2027-01-02T03:04:05.999999Z", datetime(2027, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_as_utc(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


def test_what_is_finer_than_a_microsecond_is_rounded_up_lest_it_fires_early() -> None:
    assert parse_moment("2027-01-02T03:04:05.9999991Z") == datetime(2027, 1, 2, 3, 4, 6, tzinfo=UTC)
    assert parse_moment("2027-01-02T03:04:05.1000000Z").microsecond == 100_000


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2027-01-02T03:04:05", "offset_missing"),
        ("2027-01-02", "invalid_datetime"),
        ("2027-01-02 03:04:05Z", "invalid_datetime"),
        ("2027-01-02T03:04Z", "invalid_datetime"),
        ("2027-02-30T03:04:05Z", "invalid_datetime"),
        ("2027-01-02T24:00:00Z", "invalid_datetime"),
        ("2027-01-02T03:04:60Z", "invalid_datetime"),
        ("2027-01-02T03:04:05+24:00", "invalid_datetime"),
        ("2027-01-02T03:04:05+00:60", "invalid_datetime"),
        ("0001-01-01T00:00:00+23:59", "invalid_datetime"),
        ("9999-12-31T23:59:59Z", "invalid_datetime"),
        ("9999-12-31T23:59:59.9999999Z", "invalid_datetime"),
        ("\uff19999-01-01T00:00:00Z", "invalid_datetime"),
        ("tomorrow", "invalid_datetime"),
        ("", "invalid_datetime"),
        (1_800_000_000, "invalid_datetime"),
        (None, "invalid_datetime"),
        (True, "invalid_datetime"),
    ],
)
def test_what_is_no_moment_is_refused(value: object, code: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_moment(value)
    assert refused.value.type == code


GOOD = {"message": "hello", "remind_at": "2027-01-02T03:04:05Z", "callback_url": "http://example.com/"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"message": ""}, ("message",)),
        ({"message": 7}, ("message",)),
        ({"message": None}, ("message",)),
        ({"message": "a\0b"}, ("message",)),
        ({"remind_at": None}, ("remind_at",)),
        ({"channel": "pigeon"}, ("channel",)),
        ({"surprise": 1}, ("surprise",)),
        ({"recurrence": {"rrule": "FREQ=DAILY"}}, ("recurrence", "zone")),
        ({"recurrence": {"rrule": "FREQ=DAILY", "zone": "UTC", "x": 1}}, ("recurrence", "x")),
        ({"callback_url": "http://example.com/" + "a" * 2048}, ("callback_url",)),
    ],
)
def test_a_mistake_in_a_new_reminder_is_pointed_at(change: dict[str, object], place: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        NewReminder.model_validate(GOOD | change)
    assert [error["loc"] for error in refused.value.errors()] == [place]


@pytest.mark.parametrize(
    "body",
    [{}, {"message": None}, {"remind_at": None}, {"callback_url": None}, {"state": "dead"}, {"message": ""}],
)
def test_a_revision_changes_something_and_nothing_else(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Revision.model_validate(body)


def test_a_revision_leaves_alone_what_it_does_not_name() -> None:
    changes = Revision.model_validate({"message": "new"}).changes()
    assert changes == {"message": "new"}


@given(st.uuids())
def test_a_cursor_leads_back_to_its_place(reminder_id: UUID) -> None:
    assert decode_cursor(encode_cursor(reminder_id)) == reminder_id


@pytest.mark.parametrize(
    "cursor", ["x", "é", "AAAA", "A" * 23, "A" * 21 + "B", "../../../../../etc/pw", "=" * 22]
)
def test_a_cursor_that_was_never_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        decode_cursor(cursor)
    assert refused.value.type == "invalid_cursor"


@pytest.mark.parametrize(
    ("more", "is_valid"),
    [
        ({}, False),
        ({"callback_url": None}, False),
        ({"callback_url": "http://example.com/"}, True),
        ({"channel": "webhook"}, False),
        ({"channel": "webhook", "callback_url": "http://example.com/"}, True),
        ({"channel": "log"}, True),
        ({"channel": "log", "callback_url": None}, True),
        ({"channel": "log", "callback_url": "http://example.com/"}, False),
    ],
)
def test_the_document_says_when_a_reminder_needs_a_callback(more: dict[str, object], is_valid: bool) -> None:
    schema = jsonschema_rs.validator_for(NewReminder.model_json_schema())
    assert schema.is_valid({"message": "tea", "remind_at": "2099-01-01T00:00:00Z", **more}) is is_valid


def test_the_document_says_that_a_change_is_a_change() -> None:
    schema = jsonschema_rs.validator_for(Revision.model_json_schema())
    assert not schema.is_valid({})
    assert schema.is_valid({"message": "tea"})
    assert "default" not in str(Revision.model_json_schema())
