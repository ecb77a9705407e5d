"""Progress that moves between machines: receipts are handed out, and taken in where they prove something.

What is taken in has to be a part of one chain, from its beginning on or from where the last part has ended,
of a learner with the same pseudonym, and signed by a key that this service trusts. Nothing else is believed.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from levels.catalogue import CatalogueSource
from levels.domain import Head, Json, Learner, Link
from levels.errors import InvalidReceiptError
from levels.receipts import Chain, canonical, decode, digest_of, statement_of
from levels.repository import Repository


@dataclass(frozen=True, slots=True)
class Shown:
    """A receipt as somebody shows it."""

    receipt: Mapping[str, Json]
    signature: str


class Transfer:
    """Hands receipts out and takes them in. All raise DatabaseUnavailableError, in bounded time."""

    def __init__(self, repository: Repository, catalogue: CatalogueSource, keys: Collection[str]) -> None:
        self._repository = repository
        self._catalogue = catalogue
        self._keys = frozenset(keys)

    async def export(self, learner: Learner, after: int, most: int) -> list[Link]:
        """Return a part of the learner's own chain, behind a number."""
        return await self._repository.links(learner.id, learner.id, after, most)

    async def take(self, learner: Learner, shown: Sequence[Shown]) -> int:
        """Take in a part of a chain, and mark what it proves; return how many were not known yet.

        Raises: InvalidReceiptError, VerifierUnavailableError.
        """
        known = {level.id for track in (await self._catalogue.get()).tracks for level in track.levels}
        links = await asyncio.to_thread(read_links, shown, self._keys, learner.name)
        chain_id = user_id_of(links[0].text)
        before = await self._repository.links(learner.id, chain_id, 0, links[-1].number)
        new = [link for link in links if link.number > len(before)]
        for index, link in enumerate(links[: len(links) - len(new)]):
            if link != before[link.number - 1]:
                raise InvalidReceiptError(index, "another_chain", "is not the one that is known")
        if chain_id == learner.id and new:
            raise InvalidReceiptError(len(links) - len(new), "own_chain", "was never in this learner's chain")
        chain = Chain(chain_id, self._keys, head_of(before))
        for link in new:
            if not chain.takes(link):
                raise InvalidReceiptError(links.index(link), "broken_chain", "is not the next of its chain")
        if new:
            await self._repository.take(learner.id, chain_id, new, proofs(new, known))
        return len(new)


def head_of(links: Sequence[Link]) -> Head:
    return Head(links[-1].number, digest_of(links[-1].text)) if links else Head()


def read_links(shown: Sequence[Shown], keys: Collection[str], name: str) -> list[Link]:
    """Read receipts that are signed by one of the keys, for this pseudonym. Raises: InvalidReceiptError."""
    links: list[Link] = []
    for index, one in enumerate(shown):
        statement, number = None, one.receipt.get("number")
        with suppress(ValueError, RecursionError):
            text, signature = canonical(one.receipt), decode(one.signature)
            statement = statement_of(text, signature, keys)
            run_id, user_id = (UUID(str(one.receipt.get(name))) for name in ("run_id", "user_id"))
        if statement is None or not isinstance(number, int):
            raise InvalidReceiptError(index, "not_signed", "is not signed by a key that is trusted here")
        if statement.get("learner") != name:
            raise InvalidReceiptError(index, "foreign_receipt", "is another learner's")
        if number < 1 or (links and (number, user_id) != (links[-1].number + 1, user_id_of(links[-1].text))):
            raise InvalidReceiptError(index, "broken_chain", "is not the next of its chain")
        links.append(Link(number, run_id, text, signature))
    return links


def user_id_of(text: str) -> UUID:
    return UUID(json.loads(text)["user_id"])


def proofs(links: Sequence[Link], known: Collection[str]) -> list[Mapping[str, Json]]:
    """Return what receipts prove, of each level the last."""
    found: dict[str, Mapping[str, Json]] = {}
    for link in links:
        statement = json.loads(link.text)
        for level in statement["levels"]:
            checks = level["checks"]
            if level["level_id"] in known and checks and all(check["verdict"] == "pass" for check in checks):
                first = found.get(level["level_id"], {}).get("completed_at", statement["passed_at"])
                found[level["level_id"]] = {
                    "level_id": level["level_id"],
                    "completed_at": first,
                    "verified_at": statement["passed_at"],
                    "verified_against": level["contract"],
                    "trust": statement["trust"],
                }
    return list(found.values())
