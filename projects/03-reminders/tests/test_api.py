"""The API as a client sees it: a real process, started by the Procfile."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from kata.network.client import Client
from kata.network.exchange import Exchange, Request
from kata.servers.databases import swallowing
from kata.world.owned import OwnedWorld
from kata.world.owned_service import OwnedService

PATH = "/api/v1/reminders"
SETTINGS = {"MESSAGE_LIMIT": "50", "LOG_LEVEL": "error"}

type Json = Mapping[str, object]


@pytest.fixture(scope="module")
def service(session_world: OwnedWorld) -> OwnedService:
    """A web process without a worker: nothing fires, and nothing is private but by mistake."""
    return session_world.start(SETTINGS)


@pytest.fixture
def client(service: OwnedService) -> Client:
    return service.client()


def moment(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def body(**changes: object) -> dict[str, object]:
    usual = {"message": "tea", "remind_at": moment(3600), "callback_url": "https://example.com/hook"}
    return {name: value for name, value in (usual | changes).items() if value is not ...}


def create(client: Client, **changes: object) -> Exchange:
    return client.request("POST", PATH, json=body(**changes))


def document(exchange: Exchange) -> dict[str, object]:
    parsed = exchange.json()
    assert isinstance(parsed, dict), exchange
    return parsed


def created(client: Client, **changes: object) -> dict[str, object]:
    answer = create(client, **changes)
    assert answer.status == 201, answer.text
    return document(answer)


def at(reminder: Json) -> str:
    return f"{PATH}/{reminder['id']}"


def errors(exchange: Exchange) -> list[tuple[object, object]]:
    problem = document(exchange)
    assert exchange.header("content-type") == "application/problem+json"
    listed = problem["errors"]
    assert isinstance(listed, list)
    return [(error.get("pointer", error.get("parameter")), error["code"]) for error in listed]


def count(service: OwnedService) -> int:
    with service.postgres.connect() as connection:
        row = connection.execute("SELECT count(*) FROM reminders").fetchone()
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]


def set_state(service: OwnedService, reminder: Json, state: str) -> None:
    """Put a reminder where only a worker could have put it."""
    with service.postgres.connect() as connection:
        connection.execute(
            "UPDATE reminders SET state = %s, version = version + 1, attempt_count = 1,"
            " due_at = CASE WHEN %s IN ('scheduled', 'delivering') THEN now() + interval '1 hour' END"
            " WHERE id = %s",
            (state, state, reminder["id"]),
        )


def test_a_created_reminder_has_a_place_and_a_version(client: Client) -> None:
    answer = create(client, remind_at="2050-01-02T03:04:05.5+02:00")
    reminder = document(answer)
    assert answer.status == 201
    assert answer.header("location") == at(reminder)
    assert answer.header("etag") == '"1"'
    assert reminder["remind_at"] == reminder["next_attempt_at"] == "2050-01-02T01:04:05.500000Z"
    assert (reminder["state"], reminder["occurrence"], reminder["attempt_count"]) == ("scheduled", 1, 0)
    assert (reminder["attempts"], reminder["channel"]) == ([], "webhook")
    assert str(reminder["id"])[14] == "7"  # UUIDv7
    shown = client.get(at(reminder))
    assert (shown.status, shown.header("etag"), document(shown)) == (200, '"1"', reminder)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"message": ...}, ("#/message", "missing")),
        ({"message": "m" * 51}, ("#/message", "message_too_long")),
        ({"message": "a\0b"}, ("#/message", "invalid_text")),
        ({"remind_at": ...}, ("#/remind_at", "missing")),
        ({"remind_at": "2050-01-02T03:04:05"}, ("#/remind_at", "offset_missing")),
        ({"remind_at": "soon"}, ("#/remind_at", "invalid_datetime")),
        ({"remind_at": moment(-60)}, ("#/remind_at", "past_date")),
        ({"callback_url": ...}, ("#/callback_url", "missing")),
        ({"callback_url": "ftp://example.com"}, ("#/callback_url", "unsupported_scheme")),
        ({"callback_url": "http://a:b@example.com"}, ("#/callback_url", "credentials_in_url")),
        ({"callback_url": "http://127.0.0.1/"}, ("#/callback_url", "private_address")),
        ({"callback_url": "http://[::ffff:10.0.0.1]/"}, ("#/callback_url", "private_address")),
        ({"surprise": True}, ("#/surprise", "extra_forbidden")),
        ({"channel": "pigeon"}, ("#/channel", "enum")),
        ({"channel": "log"}, ("#/callback_url", "not_allowed")),
        (
            {"recurrence": {"rrule": "FREQ=HOURLY", "zone": "UTC"}},
            ("#/recurrence/rrule", "invalid_rrule"),
        ),
        (
            {"recurrence": {"rrule": "FREQ=DAILY", "zone": "Mars/Olympus"}},
            ("#/recurrence/zone", "unknown_zone"),
        ),
        (
            {
                "remind_at": "2050-01-02T03:04:05Z",
                "recurrence": {"rrule": "FREQ=YEARLY;BYMONTH=7", "zone": "UTC"},
            },
            ("#/remind_at", "not_in_recurrence"),
        ),
    ],
)
def test_what_is_not_acceptable_is_pointed_at_and_not_stored(
    service: OwnedService, client: Client, changes: Json, expected: tuple[str, str]
) -> None:
    before = count(service)
    answer = create(client, **changes)
    assert answer.status == 422, answer.text
    assert errors(answer) == [expected]
    assert count(service) == before


def test_several_mistakes_are_told_at_once(client: Client) -> None:
    answer = create(client, message="m" * 51, callback_url="http://localhost/")
    assert {pointer for pointer, _ in errors(answer)} == {"#/message", "#/callback_url"}


def test_a_reminder_for_now_is_taken_though_the_request_took_a_moment(client: Client) -> None:
    assert create(client, remind_at=moment(-2)).status == 201


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b'{"message": "tea"', "application/json", 400),
        (b'{"message": NaN}', "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b'"\xff"', "application/json", 400),
        (b"message=tea", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b"[]", "application/json", 422),
        (b'"tea"', "application/json", 422),
        (b"x" * 1_100_000, "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    client: Client, content: bytes, media_type: str, status: int
) -> None:
    answer = client.request("POST", PATH, body=content, headers={"Content-Type": media_type})
    assert answer.status == status, answer.text
    assert answer.header("content-type") == "application/problem+json"


def test_the_same_key_and_body_give_the_same_answer_again(service: OwnedService, client: Client) -> None:
    before = count(service)
    key = {"Idempotency-Key": str(uuid4())}
    content = body(remind_at="2050-01-02T03:04:05Z")
    first = client.request("POST", PATH, json=content, headers=key)
    # The same moment and the same fields, written otherwise.
    again = dict(reversed(content.items())) | {"remind_at": "2050-01-02T04:04:05.0+01:00"}
    second = client.request("POST", PATH, json=again, headers=key)
    assert (first.status, second.status) == (201, 201)
    assert document(second) == document(first)
    assert first.header("idempotency-replayed") is None
    assert second.header("idempotency-replayed") == "true"
    assert second.header("location") == first.header("location")
    assert count(service) == before + 1


def test_a_replayed_answer_is_the_first_one_whatever_has_happened_since(client: Client) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    content = body()
    first = client.request("POST", PATH, json=content, headers=key)
    assert client.request("DELETE", at(document(first))).status == 204
    second = client.request("POST", PATH, json=content, headers=key)
    assert document(second) == document(first)


def test_a_retry_is_answered_though_its_reminder_is_past_by_now(client: Client) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    content = body(remind_at=moment(-4))
    first = client.request("POST", PATH, json=content, headers=key)
    assert first.status == 201
    while client.request("POST", PATH, json=content).status == 201:
        pass  # until it is too far in the past for a new reminder
    assert document(client.request("POST", PATH, json=content, headers=key)) == document(first)


def test_the_same_key_with_another_body_is_refused(service: OwnedService, client: Client) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    assert client.request("POST", PATH, json=body(), headers=key).status == 201
    before = count(service)
    answer = client.request("POST", PATH, json=body(message="coffee"), headers=key)
    assert (answer.status, document(answer)["code"]) == (422, "idempotency_key_reused")
    assert count(service) == before


def test_a_refused_reminder_does_not_use_its_key_up(client: Client) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    assert client.request("POST", PATH, json=body(remind_at=moment(-60)), headers=key).status == 422
    assert client.request("POST", PATH, json=body(), headers=key).status == 201


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "sch\u00f6n", '"open'])
def test_a_malformed_key_is_refused(client: Client, key: str) -> None:
    answer = client.request("POST", PATH, json=body(), headers={"Idempotency-Key": key})
    assert (answer.status, document(answer)["code"]) == (400, "invalid_idempotency_key")


def test_of_many_at_once_with_one_key_one_makes_the_reminder_and_all_get_it(service: OwnedService) -> None:
    before = count(service)
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
    request = Request("POST", PATH, headers, json.dumps(body()).encode())
    answers = service.burst([request] * 12)
    assert {answer.status for answer in answers} == {201}
    assert len({str(document(answer)["id"]) for answer in answers}) == 1
    assert sum(answer.header("idempotency-replayed") is None for answer in answers) == 1
    assert count(service) == before + 1


def test_a_list_is_read_part_by_part_newest_first_and_nothing_comes_twice(client: Client) -> None:
    ids = [created(client)["id"] for _ in range(7)]
    first = document(client.get(f"{PATH}?limit=3"))
    created(client)  # between two parts
    second = document(client.get(f"{PATH}?limit=3&cursor={first['next_cursor']}"))
    third = document(client.get(f"{PATH}?limit=1&cursor={second['next_cursor']}"))
    items = [item for part in (first, second, third) for item in listed(part)]
    assert [item["id"] for item in items] == ids[::-1]
    assert "attempts" not in items[0]


def listed(page: Json) -> list[dict[str, object]]:
    items = page["items"]
    assert isinstance(items, list)
    return items


def test_a_list_ends_and_can_be_filtered_by_state(service: OwnedService, client: Client) -> None:
    dead = [created(client) for _ in range(3)]
    for reminder in dead:
        set_state(service, reminder, "dead")
    first = document(client.get(f"{PATH}?state=dead&limit=2"))
    rest = document(client.get(f"{PATH}?state=dead&limit=2&cursor={first['next_cursor']}"))
    assert [item["id"] for item in listed(first) + listed(rest)] == [one["id"] for one in dead[::-1]]
    assert rest["next_cursor"] is None
    for reminder in dead:
        set_state(service, reminder, "cancelled")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=x", 400),
        ("state=asleep", 422),
        ("cursor=nonsense", 422),
        ("cursor=", 422),
        ("cursor=AAAAAAAAAAAAAAAAAAAAAA", 422),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(client: Client, query: str, status: int) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status == status
    assert errors(answer)[0][0] == query.partition("=")[0]


def test_a_revision_needs_the_current_version(client: Client) -> None:
    reminder = created(client)
    change = {"message": "coffee"}
    assert client.request("PATCH", at(reminder), json=change).status == 428
    for stale in ('"2"', 'W/"1"', '"x"', "1", ""):
        assert client.request("PATCH", at(reminder), json=change, headers={"If-Match": stale}).status == 412
    answer = client.request("PATCH", at(reminder), json=change, headers={"If-Match": '"7", "1"'})
    assert (answer.status, answer.header("etag")) == (200, '"2"')
    assert document(client.get(at(reminder)))["message"] == "coffee"
    assert client.request("PATCH", at(reminder), json=change, headers={"If-Match": '"1"'}).status == 412
    assert client.request("PATCH", at(reminder), json=change, headers={"If-Match": "*"}).status == 200


def test_of_two_revisions_of_one_version_one_wins(service: OwnedService, client: Client) -> None:
    reminder = created(client)
    headers = {"Content-Type": "application/json", "If-Match": '"1"'}
    requests = [
        Request("PATCH", at(reminder), headers, json.dumps({"message": name}).encode()) for name in "abcd"
    ]
    assert sorted(answer.status for answer in service.burst(requests)) == [200, 412, 412, 412]


def test_a_new_time_moves_the_next_attempt(client: Client) -> None:
    reminder = created(client)
    change = {"remind_at": "2051-01-01T00:00:00Z"}
    answer = client.request("PATCH", at(reminder), json=change, headers={"If-Match": '"1"'})
    changed = document(answer)
    assert changed["remind_at"] == changed["next_attempt_at"] == "2051-01-01T00:00:00Z"
    assert changed["occurrence"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"message": "m" * 51},
        {"message": None},
        {"remind_at": "2020-01-01T00:00:00Z"},
        {"callback_url": "http://10.0.0.1/"},
        {"state": "dead"},
    ],
)
def test_a_revision_is_checked_like_a_new_reminder(client: Client, change: Json) -> None:
    reminder = created(client)
    answer = client.request("PATCH", at(reminder), json=change, headers={"If-Match": '"1"'})
    assert answer.status == 422, answer.text
    assert document(client.get(at(reminder))) == reminder


def test_a_revision_after_an_attempt_is_a_new_occurrence(service: OwnedService, client: Client) -> None:
    """The key that a receiver has seen stands for what it was sent with it."""
    reminder = created(client)
    set_state(service, reminder, "scheduled")
    answer = client.request("PATCH", at(reminder), json={"message": "new"}, headers={"If-Match": '"2"'})
    changed = document(answer)
    assert (changed["occurrence"], changed["attempt_count"]) == (2, 0)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("delivering", "delivery_in_progress"),
        ("delivered", "reminder_finished"),
        ("dead", "reminder_finished"),
    ],
)
def test_what_is_no_longer_scheduled_can_be_neither_revised_nor_cancelled(
    service: OwnedService, client: Client, state: str, code: str
) -> None:
    reminder = created(client)
    set_state(service, reminder, state)
    revision = client.request("PATCH", at(reminder), json={"message": "x"}, headers={"If-Match": '"2"'})
    cancellation = client.request("DELETE", at(reminder))
    for answer in (revision, cancellation):
        assert (answer.status, document(answer)["code"]) == (409, code)
    set_state(service, reminder, "cancelled")


def test_a_cancelled_reminder_stays_cancelled(client: Client) -> None:
    reminder = created(client)
    assert client.request("DELETE", at(reminder), headers={"If-Match": '"9"'}).status == 412
    assert client.request("DELETE", at(reminder)).status == 204
    shown = document(client.get(at(reminder)))
    assert (shown["state"], shown["next_attempt_at"]) == ("cancelled", None)
    assert client.request("DELETE", at(reminder)).status == 204
    assert document(client.get(at(reminder))) == shown
    answer = client.request("PATCH", at(reminder), json={"message": "x"}, headers={"If-Match": "*"})
    assert (answer.status, document(answer)["code"]) == (409, "reminder_finished")


def test_only_the_dead_are_replayed(service: OwnedService, client: Client) -> None:
    reminder = created(client)
    answer = client.request("POST", f"{at(reminder)}/replay")
    assert (answer.status, document(answer)["code"]) == (409, "reminder_not_dead")
    set_state(service, reminder, "dead")
    answer = client.request("POST", f"{at(reminder)}/replay")
    assert answer.status == 200
    replayed = document(answer)
    assert (replayed["state"], replayed["occurrence"], replayed["attempt_count"]) == ("scheduled", 2, 0)
    assert replayed["remind_at"] == reminder["remind_at"]
    assert str(replayed["next_attempt_at"]) < moment(1)
    client.request("DELETE", at(reminder))


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "POST"])
def test_an_id_that_no_reminder_has_is_not_found_whatever_it_looks_like(client: Client, method: str) -> None:
    suffix = "/replay" if method == "POST" else ""
    content = {"message": "x"} if method == "PATCH" else None
    known = str(created(client)["id"])
    for name in (str(uuid4()), "nonsense", known.upper(), known.replace("-", ""), f"{known}/"):
        answer = client.request(
            method, f"{PATH}/{name}{suffix}", json=content, headers={"If-Match": "*"} if content else {}
        )
        assert answer.status == 404
        assert answer.header("content-type") == "application/problem+json"


def test_a_recurring_reminder_tells_its_next_occurrences(client: Client) -> None:
    reminder = created(
        client,
        remind_at="2050-03-26T02:30:00+01:00",
        recurrence={"rrule": "FREQ=DAILY", "zone": "Europe/Berlin"},
    )
    assert reminder["recurrence"] == {"rrule": "FREQ=DAILY", "zone": "Europe/Berlin"}
    assert reminder["upcoming"] == [
        "2050-03-27T01:30:00Z",  # the gap: 03:30 in Berlin
        "2050-03-28T00:30:00Z",
        "2050-03-29T00:30:00Z",
    ]


@pytest.mark.parametrize("change", ["rrule = 'EVERY DAY'", "zone = 'Nowhere/Land'", "zone = '../../x'"])
def test_a_rule_that_is_none_any_more_has_no_next_occurrences(
    service: OwnedService, client: Client, change: str
) -> None:
    """A zone may leave the database of zones."""
    first = datetime(2036, 5, 1, 9, tzinfo=UTC)
    reminder = created(
        client, remind_at=first.isoformat(), recurrence={"rrule": "FREQ=DAILY", "zone": "Europe/Berlin"}
    )
    with service.postgres.connect() as connection:
        connection.execute(f"UPDATE reminders SET {change} WHERE id = %s".encode(), (reminder["id"],))
    answer = client.request("GET", at(reminder))
    assert (answer.status, document(answer)["upcoming"]) == (200, [])


def test_the_page_counts_and_shows_what_is_tried_again(service: OwnedService, client: Client) -> None:
    reminder = created(client, message="tried once")
    set_state(service, reminder, "scheduled")  # with an attempt behind it
    page = client.get("/").text
    assert re.search(r"<dt>retrying</dt><dd>[1-9]", page)
    assert "tried once" in page.partition("Retrying")[2].partition("Dead")[0]


def test_the_api_describes_itself(client: Client) -> None:
    paths = document(client.get("/openapi.json"))["paths"]
    assert isinstance(paths, dict)
    assert {PATH, f"{PATH}/{{reminder_id}}", f"{PATH}/{{reminder_id}}/replay"} <= set(paths)
    assert client.get("/docs").status == 200


def test_the_page_shows_messages_as_text_and_loads_nothing_from_elsewhere(
    service: OwnedService, client: Client
) -> None:
    reminder = created(client, message="<b>bold</b>")
    set_state(service, reminder, "dead")
    page = client.get("/")
    assert page.header("content-type") == "text/html; charset=utf-8"
    policy = page.header("content-security-policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
    assert "<b>" not in page.text
    assert "style=" not in page.text
    for name in ("page.css", "page.js", "icon.svg"):
        assert f"static/{name}" in page.text
        assert client.get(f"/static/{name}").status == 200
    set_state(service, reminder, "cancelled")


def test_the_page_says_that_the_database_is_away(service: OwnedService, client: Client) -> None:
    with service.postgres.proxy.cut():
        page = client.get("/")
    assert page.status == 200
    assert "The database does not answer" in page.text


def test_what_somebody_else_s_trigger_swallows_is_no_success(service: OwnedService, client: Client) -> None:
    url, made = service.postgres.address.url(service.postgres.database), created(client)
    with swallowing(url, "reminders"):
        refused = [create(client), client.request("DELETE", at(made), headers={"If-Match": '"1"'})]
    with swallowing(url, "idempotency_keys"):
        key = {"Idempotency-Key": str(uuid4())}
        refused.append(client.request("POST", PATH, json=body(), headers=key))
    assert [answer.status for answer in refused] == [503] * 3
    assert document(client.get(at(made)))["state"] == "scheduled"
