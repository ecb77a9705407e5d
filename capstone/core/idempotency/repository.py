"""Keys of writes in PostgreSQL, in the transaction of the write: both are there, or neither."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.idempotency.domain import (
    LIFETIME,
    Answer,
    InProgressError,
    Once,
    OtherRequestError,
    ReplayedError,
)
from core.idempotency.tables import IDEMPOTENCY_KEYS
from core.tenancy.domain import Access


class IdempotencyKeys:
    """What was done with which key, for each user of each tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin[T](self, access: Access, once: Once[T] | None) -> None:
        """Let the first with a key pass, until its transaction ends: a process that dies holds no key.

        Raises: ReplayedError, OtherRequestError, InProgressError.
        """
        if once is None:
            return
        await self._replay(access, once)
        name = f"{access.tenant_id}/{access.user_id}/{once.digest}"
        is_first = await self._connection.scalar(
            select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))
        )
        if not is_first:
            raise InProgressError("A request with this Idempotency-Key is being done.")
        await self._replay(access, once)  # one that had the lock may have ended meanwhile

    async def keep[T](self, access: Access, once: Once[T] | None, result: T) -> None:
        """Write down what the client hears."""
        if once is None:
            return
        answer = once.answer_of(result)
        await self._connection.execute(
            IDEMPOTENCY_KEYS.insert().values(
                tenant_id=access.tenant_id,
                user_id=access.user_id,
                digest=once.digest,
                fingerprint=once.fingerprint,
                answer=[answer.status, dict(answer.headers), answer.body],
            )
        )

    async def purge(self) -> None:
        """Forget what is older than a day."""
        await self._connection.execute(
            IDEMPOTENCY_KEYS.delete().where(IDEMPOTENCY_KEYS.c.created_at < func.now() - LIFETIME)
        )

    async def _replay[T](self, access: Access, once: Once[T]) -> None:
        keys = IDEMPOTENCY_KEYS.c
        found = await self._connection.execute(
            select(keys.fingerprint, keys.answer).where(
                keys.tenant_id == access.tenant_id,
                keys.user_id == access.user_id,
                keys.digest == once.digest,
            )
        )
        row = found.one_or_none()
        if row is None:
            return
        if row.fingerprint != once.fingerprint:
            raise OtherRequestError("Something else was sent with this Idempotency-Key before.")
        status, headers, body = row.answer
        raise ReplayedError(Answer(status, headers, body))
