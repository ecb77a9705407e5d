from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from webhooks.domain import Scheme, Source, SourceState
from webhooks.event_keys import event_key, ordering_key, value_at, values_at

if TYPE_CHECKING:
    from service_kit.json_text import Json

NOW = datetime(2026, 11, 26, tzinfo=UTC)
PLAIN = Source(UUID(int=1), "shop", Scheme.HMAC, SourceState.ACTIVE, "https://example.com/", NOW)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/a", 1),
        ("/b/0/c", "x"),
        ("/b/1", None),
        ("/b/-", None),
        ("/d~1e", 2),
        ("/f~0g", 3),
        ("/", 4),
        ("/none/of/it", None),
    ],
)
def test_a_pointer_leads_where_the_rfc_says(pointer: str, value: object) -> None:
    document: Json = {"a": 1, "b": [{"c": "x"}], "d/e": 2, "f~g": 3, "": 4}
    assert value_at(pointer, document) == value


def test_a_part_that_is_not_there_makes_the_body_the_key() -> None:
    source = replace(PLAIN, key_pointers=["/id", "/after"])
    first = event_key(source, None, {}, b'{"id": 1, "after": null, "n": 1}')
    second = event_key(source, None, {}, b'{"id": 1, "after": null, "n": 2}')
    assert (first.by, second.by) == ("body", "body")
    assert first.text != second.text


def test_a_text_and_a_number_are_two_keys() -> None:
    source = replace(PLAIN, key_pointers=["/id"])
    texts = {
        event_key(source, None, {}, body).text for body in (b'{"id": 1}', b'{"id": "1"}', b'{"id": true}')
    }
    assert len(texts) == 3


def test_a_key_holds_nothing_that_a_database_refuses_and_has_a_bound() -> None:
    source = replace(PLAIN, key_pointers=["/id"])
    assert "\0" not in event_key(source, None, {}, b'{"id": "\\u0000"}').text
    long = event_key(source, None, {}, b'{"id": "' + b"x" * 5000 + b'"}').text
    assert len(long) < 256


def test_what_is_no_json_has_no_values() -> None:
    assert values_at(("/id",), b'{"id": 1, "id": 2}') is None
    assert values_at(("/id",), b"\xff") is None


def test_an_ordering_key_is_there_only_where_its_value_is() -> None:
    source = replace(PLAIN, ordering_pointer="/order")
    assert ordering_key(source, b'{"order": 7}') == "[7]"
    assert ordering_key(source, b'{"order": {}}') is None
    assert ordering_key(PLAIN, b'{"order": 7}') is None
