"""Receipts as they can be asked for: one of a run, and whether a chain is whole."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from levels.domain import Head, Link
from levels.errors import ReceiptNotFoundError
from levels.receipts import Chain
from levels.repository import Repository

MOST_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at a chain has shown; `broken_at` is the number of the first receipt that is not right."""

    user_id: UUID
    head: Head
    broken_at: int | None


class Archive:
    """Reads receipts. All raise DatabaseUnavailableError, in bounded time."""

    def __init__(self, repository: Repository, keys: Collection[str]) -> None:
        """Take the keys whose signatures count."""
        self._repository = repository
        self._keys = frozenset(keys)

    async def receipt(self, run_id: UUID) -> Link:
        """Raises: ReceiptNotFoundError."""
        link = await self._repository.receipt(run_id)
        if link is None:
            raise ReceiptNotFoundError
        return link

    async def inspect(self, user_id: UUID) -> Inspection:
        """Check each receipt of a learner's, as if nothing in the database could be believed.

        Raises: LearnerNotFoundError.
        """
        _, head, _ = await self._repository.head(user_id)
        chain = Chain(user_id, self._keys)
        while chain.head.number < head.number:
            links = await self._repository.links(user_id, user_id, chain.head.number, MOST_AT_ONCE)
            broken = await asyncio.to_thread(first_refused, chain, links)
            if broken is not None:
                return Inspection(user_id, head, broken)
        is_whole = chain.head.number > head.number or chain.head == head
        return Inspection(user_id, head, None if is_whole else chain.head.number)


def first_refused(chain: Chain, links: Collection[Link]) -> int | None:
    """Return the number of the first that a chain does not take, or that is missing."""
    if not links:
        return chain.head.number + 1
    return next((chain.head.number + 1 for link in links if not chain.takes(link)), None)
