"""The inbox: keeps verified deliveries, many in one commit, and tells new events from known ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Final
from uuid import UUID

from webhooks.direct import Connection, DirectConnection, run
from webhooks.domain import Delivery, Kept, Receipt
from webhooks.errors import StoreUnavailableError

MOST_CONFLICTS: Final = 10
"""Of one event; more are counted, and not kept."""

type Place = tuple[UUID, str]
"""A source and a key: by these an event is known."""


class Inbox:
    """All raise StoreUnavailableError, in bounded time."""

    def __init__(self, direct: DirectConnection) -> None:
        self._direct = direct

    async def keep(self, deliveries: list[Delivery]) -> list[Receipt]:
        """Keep a batch, and return what became of each once all of it is committed.

        Where it raises, it is not known whether anything was kept. Who sends it again finds out.
        """
        is_limited = any(one.limit_per_minute is not None for one in deliveries)
        # What is not kept is not counted either. Without a limit each statement may stand by itself.
        async with (
            self._direct.lent() as connection,
            connection.transaction() if is_limited else nullcontext(),
        ):
            return await _keep(connection, deliveries)


async def _keep(connection: Connection, deliveries: list[Delivery]) -> list[Receipt]:
    limited = await _limited(connection, deliveries)
    wanted = [one for one in deliveries if one.event_id not in limited] if limited else deliveries
    new = await _keep_new(connection, wanted)
    repeated = [one for one in wanted if one.event_id not in new]
    known = await _known(connection, repeated) if repeated else {}
    if any(_place(one) not in known for one in repeated):
        raise StoreUnavailableError("PostgreSQL: an event is neither kept nor known")
    others = [one for one in repeated if known[_place(one)][1] != one.body_sha256]
    if others:
        await _keep_conflicts(connection, others, known)
    if used := {one.secret_id for one in wanted if one.secret_id is not None}:
        await run(connection, "use_secrets", ids=list(used))
    receipts = {event_id: Receipt(Kept.NEW, event_id) for event_id in new}
    receipts |= {one.event_id: Receipt(Kept.DUPLICATE, known[_place(one)][0]) for one in repeated}
    receipts |= {one.event_id: Receipt(Kept.CONFLICT, known[_place(one)][0]) for one in others}
    receipts |= {event_id: Receipt(Kept.LIMITED, event_id, seconds) for event_id, seconds in limited.items()}
    return [receipts[one.event_id] for one in deliveries]


async def _limited(connection: Connection, deliveries: Sequence[Delivery]) -> dict[UUID, int]:
    """Count those whose source has a limit; return which are beyond it, and how long to wait."""
    counts = Counter(one.source_id for one in deliveries if one.limit_per_minute is not None)
    if not counts:
        return {}
    rows = await run(
        connection, "count_minute", source_ids=list(counts), counts=[counts[source] for source in counts]
    )
    before = {row["source_id"]: row["used"] - counts[row["source_id"]] for row in rows}
    seconds_left = {row["source_id"]: row["seconds_left"] for row in rows}
    beyond = {}
    for one in deliveries:
        if one.limit_per_minute is not None:
            before[one.source_id] += 1
            if before[one.source_id] > one.limit_per_minute:
                beyond[one.event_id] = seconds_left[one.source_id]
    return beyond


async def _keep_new(connection: Connection, deliveries: Sequence[Delivery]) -> set[UUID]:
    rows = await run(
        connection,
        "keep",
        ids=[one.event_id for one in deliveries],
        source_ids=[one.source_id for one in deliveries],
        keys=[one.key.text for one in deliveries],
        key_bys=[one.key.by for one in deliveries],
        message_ids=[one.message_id for one in deliveries],
        ordering_keys=[one.ordering_key for one in deliveries],
        content_types=[one.content_type for one in deliveries],
        bodies=[one.body for one in deliveries],
        digests=[one.body_sha256 for one in deliveries],
        received_ats=[one.received_at for one in deliveries],
    )
    return {row["id"] for row in rows}


async def _known(connection: Connection, deliveries: Sequence[Delivery]) -> dict[Place, tuple[UUID, bytes]]:
    places = list({_place(one) for one in deliveries})
    rows = await run(
        connection, "known", source_ids=[place[0] for place in places], keys=[place[1] for place in places]
    )
    return {(row["source_id"], row["key"]): (row["id"], bytes(row["body_sha256"])) for row in rows}


async def _keep_conflicts(
    connection: Connection, deliveries: Sequence[Delivery], known: Mapping[Place, tuple[UUID, bytes]]
) -> None:
    await run(
        connection,
        "keep_conflicts",
        event_ids=[known[_place(one)][0] for one in deliveries],
        digests=[one.body_sha256 for one in deliveries],
        bodies=[one.body for one in deliveries],
        received_ats=[one.received_at for one in deliveries],
        most=MOST_CONFLICTS,
    )


def _place(delivery: Delivery) -> Place:
    return delivery.source_id, delivery.key.text
