"""What is forgotten, and when: no black box can wait for it."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import psycopg
import pytest

from service_kit.database import Database
from webhooks.app import new_id
from webhooks.direct import DirectConnection
from webhooks.domain import Delivery, EventKey, Kept, Scheme, Secret, Source, SourceState
from webhooks.errors import PayloadGoneError
from webhooks.events import Events, Selection
from webhooks.inbox import Inbox
from webhooks.sources import Sources

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
PAYLOADS, KEYS = timedelta(days=7), timedelta(days=30)

type Connection = psycopg.Connection[tuple[object, ...]]


async def source_in(database: Database) -> tuple[UUID, UUID]:
    source = Source(new_id(), "shop", Scheme.GITHUB, SourceState.ACTIVE, "https://example.com/", NOW)
    secret = Secret(new_id(), "hmac", b"k" * 32, "k" * 32, None, NOW)
    await Sources(database).add(source, "whsec_x", secret)
    return source.id, secret.id


def delivery(of: tuple[UUID, UUID], key: str, age: timedelta) -> Delivery:
    body = key.encode()
    return Delivery(
        new_id(),
        of[0],
        of[1],
        EventKey(key, "header"),
        key,
        None,
        None,
        None,
        body,
        sha256(body).digest(),
        NOW - age,
    )


async def test_payloads_go_first_and_keys_outlive_them_and_what_is_pending_stays(
    database: Database, direct: DirectConnection, connection: Connection
) -> None:
    of = await source_in(database)
    inbox, events = Inbox(direct), Events(database)
    ages = {"new": timedelta(days=6), "old": timedelta(days=8), "ancient": timedelta(days=31)}
    kept = {key: delivery(of, key, age) for key, age in ages.items()}
    waiting = delivery(of, "waiting", ages["ancient"])
    await inbox.keep([*kept.values(), waiting])
    connection.execute("UPDATE events SET state = 'forwarded', due_at = NULL WHERE key <> 'waiting'")
    await events.purge(PAYLOADS, KEYS)
    rows = connection.execute("SELECT key, body FROM events ORDER BY key").fetchall()
    assert {str(key): body is not None for key, body in rows} == {"new": True, "old": False, "waiting": True}
    again = await inbox.keep([delivery(of, "old", timedelta())])
    assert again[0].kept is Kept.DUPLICATE
    with pytest.raises(PayloadGoneError):
        await events.replay(Selection(id=kept["old"].event_id), None)


async def test_of_a_batch_with_copies_one_is_new_and_another_body_is_a_conflict(
    database: Database, direct: DirectConnection
) -> None:
    of = await source_in(database)
    first, copy = delivery(of, "k", timedelta()), delivery(of, "k", timedelta())
    body = b"other"
    other = Delivery(
        *(new_id(), of[0], of[1], EventKey("k", "header"), "k", None, None, None, body),
        sha256(body).digest(),
        NOW,
    )
    receipts = await Inbox(direct).keep([first, copy, other])
    assert [receipt.kept for receipt in receipts] == [Kept.NEW, Kept.DUPLICATE, Kept.CONFLICT]
    assert {receipt.event_id for receipt in receipts} == {first.event_id}
