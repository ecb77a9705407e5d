"""The kill switch: it works while PostgreSQL is away, and while Redis is."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from flags.documents import Flag
from flags.errors import NotFoundError, StoreUnavailableError, UnavailableError
from flags.history import Edit
from flags.kills import Kill, next_revision
from flags.management import Changed, Expected, dumped, live
from flags.node import Node
from flags.repository import Begin
from flags.ruleset import FLAG, Ref, Ruleset
from flags.shared import Shared
from flags.spreading import Spreading


class KillSwitch:
    """Kills flags, tells PostgreSQL of it now or later, and lifts what was killed."""

    def __init__(
        self, begin: Begin, node: Node, shared: Shared, spreading: Spreading, new_id: Callable[[], UUID]
    ) -> None:
        self._begin = begin
        self._node = node
        self._shared = shared
        self._spreading = spreading
        self._new_id = new_id

    async def kill(self, actor: str, key: str) -> Changed | None:
        """Turn a flag off past all targeting. None: PostgreSQL is away, and will be told when it is back.

        Redis comes first: it has the kill on every process at once, however long PostgreSQL is silent.
        Raises: NotFoundError, UnavailableError, and StoreUnavailableError if both are away.
        """
        ruleset = await self._ruleset_with(key)
        kill = Kill(str(self._new_id()), key, actor, time.time(), next_revision(ruleset.kill_revision))
        is_shared = await self._shared.put_kill(ruleset.epoch, kill)
        if is_shared:
            await self._node.merge([kill])
        try:
            return await self.reconcile(kill)
        except StoreUnavailableError:
            if not is_shared:
                raise
            return None

    async def _ruleset_with(self, key: str) -> Ruleset:
        if self._node.ruleset is None or key not in self._node.ruleset.documents:
            answered = await self._spreading.pull()
            if self._node.ruleset is None or (key not in self._node.ruleset.documents and not answered):
                raise UnavailableError
            if key not in self._node.ruleset.documents:
                raise NotFoundError("flag")
        return self._node.ruleset

    async def lift(self, actor: str, key: str, expected: Expected) -> Changed:
        """Serve a flag again as its rules have it.

        Kills that PostgreSQL has not heard of come first, so that none comes behind and takes it back.
        Raises: NotFoundError, PreconditionFailedError.
        """
        await self.reconcile_all()
        async with self._begin() as work:
            await work.lock()
            ref, stock = Ref(FLAG, key), await work.documents()
            current = live(ref, stock, expected)
            after = dumped(Flag.model_validate(current.document).model_copy(update={"killed": False}))
            if after == current.document:
                return Changed(current.version, after)
            version = await work.apply(Edit(actor, "lift", ref, current.document, after))
            await work.commit()
        await self._spreading.pull()
        return Changed(version, after)

    async def reconcile_all(self) -> None:
        """Write down the kills that PostgreSQL does not have. Raises: StoreUnavailableError."""
        for kill in self._node.overlay.waiting():
            with suppress(NotFoundError):
                await self.reconcile(kill)

    async def reconcile(self, kill: Kill) -> Changed:
        """Write a kill down once, whichever process does it, and mark it with the version that it became.

        Raises: NotFoundError, StoreUnavailableError.
        """
        changed = await self._written(kill)
        await self._spreading.pull()
        marked = replace(kill, version=changed.version)
        await self._node.merge([marked])
        if self._node.ruleset is not None:
            await self._shared.put_kill(self._node.ruleset.epoch, marked)
        return changed

    async def _written(self, kill: Kill) -> Changed:
        kill_id, ref = UUID(kill.id), Ref(FLAG, kill.flag)
        async with self._begin() as work:
            version = await work.lock()
            stock = await work.documents()
            known = await work.version_of_kill(kill_id)
            if known is not None:
                return Changed(known, stock[ref].document)
            try:
                current = live(ref, stock, None)
            except NotFoundError:
                return Changed(version, None)
            after = dumped(Flag.model_validate(current.document).model_copy(update={"killed": True}))
            late = time.time() - kill.at
            note = f"killed {late:.0f} s earlier, while PostgreSQL was away" if late > 1 else ""
            edit = Edit(kill.actor, "kill", ref, current.document, after, kill_id, kill.revision, note)
            version = await work.apply(edit)
            await work.commit()
        return Changed(version, after)
