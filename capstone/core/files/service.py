"""The verbs of files: a link is signed, bytes come and are looked at, a link leads to them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from core.audit.domain import Action, Actor, ActorType
from core.errors import InvalidValueError, NotFoundError
from core.files.blobs import Blobs, Part
from core.files.domain import (
    Content,
    File,
    FileLimits,
    FileState,
    InvalidLinkError,
    NewFile,
    NoLengthError,
    OtherContentError,
    QuotaExceededError,
    WrongLengthError,
)
from core.files.links import Claims, Links, Verb
from core.tenancy.domain import Access
from core.unit_of_work import NOBODY, BeginUnitOfWork, Scope


@dataclass(frozen=True, slots=True)
class FileService:
    """Files of a tenant. All of it raises StoreUnavailableError."""

    begin: BeginUnitOfWork
    blobs: Blobs
    links: Links
    new_id: Callable[[], UUID]
    limits: FileLimits

    async def announce(self, access: Access, name: str, size_bytes: int) -> tuple[File, str]:
        """Make room for a file, and return the link by which it comes.

        Raises: InvalidValueError, QuotaExceededError.
        """
        if size_bytes > self.limits.file_bytes:
            reason = f"is more than the {self.limits.file_bytes} bytes that a file may have"
            raise InvalidValueError("size_bytes", "too_large", reason)
        expires = self._expires()
        new = NewFile(self.new_id(), name, size_bytes, datetime.fromtimestamp(expires, UTC))
        async with self.begin(Scope(access.tenant_id)) as uow:
            await uow.audit.lock(access.tenant_id)  # two at one instant would not see each other
            used_bytes = await uow.files.used_bytes(access.tenant_id)
            if used_bytes + size_bytes > self.limits.quota_bytes:
                raise QuotaExceededError(f"Of {self.limits.quota_bytes} bytes {used_bytes} are in use.")
            file = await uow.files.add(access, new)
            await uow.commit()
        return file, self.links.sign(Verb.PUT, access.tenant_id, file.id, expires)

    async def upload(self, claims: Claims, length: int | None, body: AsyncIterator[bytes]) -> File:
        """Take the bytes of a file; who sends the same again hears the same.

        Raises: InvalidLinkError, NoLengthError, WrongLengthError, InvalidValueError, NotFoundError,
        OtherContentError.
        """
        left_seconds = self.links.check(Verb.PUT, claims)
        async with self.begin(Scope(claims.tenant_id)) as uow:
            file = await uow.files.awaited(claims.tenant_id, claims.file_id)
        if file is None:
            raise NotFoundError("file")
        if length is None:
            raise NoLengthError("A body says how long it is.")
        if length != file.size_bytes:
            raise WrongLengthError(f"The file was announced with {file.size_bytes} bytes.")
        with self.blobs.part(file.id, file.size_bytes) as part:
            try:
                async with asyncio.timeout(left_seconds):
                    async for chunk in body:
                        await part.write(chunk)
            except TimeoutError as error:
                raise InvalidLinkError("The link's time is over.") from error
            await part.end()
            return await self._keep(claims, part)

    async def _keep(self, claims: Claims, part: Part) -> File:
        if part.type is None:
            raise InvalidValueError("", "unknown_type", "is no type of file that is taken")
        content = Content(part.type, part.sha256)
        async with self.begin(Scope(claims.tenant_id)) as uow:
            file = await uow.files.awaited(claims.tenant_id, claims.file_id, lock=True)
            if file is None:
                raise NotFoundError("file")
            if file.state is FileState.STORED:
                if file.sha256 != content.sha256:
                    raise OtherContentError("Something else was stored under this link.")
                return file
            await part.keep()
            stored = await uow.files.store(claims.tenant_id, file.id, content)
            actor = Actor(ActorType.USER, file.created_by, file.key_id)
            await uow.append(
                claims.tenant_id, actor, Action.FILE_STORED, file.id, type=content.type, sha256=content.sha256
            )
            await uow.commit()
        return stored

    async def find(self, access: Access, file_id: UUID) -> tuple[File, str]:
        """Return a file, and the link that leads to its bytes. Raises: NotFoundError."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            found = await uow.files.find(access.tenant_id, file_id)
        if found is None:
            raise NotFoundError("file")
        return found, self.links.sign(Verb.GET, access.tenant_id, file_id, self._expires())

    async def page(self, access: Access, before: UUID | None, limit: int) -> Sequence[File]:
        """Return one file more than asked for, if there are any, the newest first."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await uow.files.page(access.tenant_id, before, limit + 1)

    async def download(self, claims: Claims) -> tuple[File, AsyncIterator[bytes]]:
        """Open the bytes of a file. Raises: InvalidLinkError, NotFoundError."""
        self.links.check(Verb.GET, claims)
        async with self.begin(Scope(claims.tenant_id)) as uow:
            file = await uow.files.find(claims.tenant_id, claims.file_id)
        if file is None:
            raise NotFoundError("file")
        return file, await self.blobs.read(file.id)

    async def delete(self, access: Access, file_id: UUID) -> None:
        """Delete a file: its links end now, and its bytes are swept. Raises: NotFoundError."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            if not await uow.files.delete(access.tenant_id, file_id):
                raise NotFoundError("file")
            await uow.record(access, Action.FILE_DELETED, file_id)
            await uow.commit()

    def _expires(self) -> int:
        return int((datetime.now(UTC) + self.limits.link).timestamp())


@dataclass(frozen=True, slots=True)
class FileSweeper:
    """Removes what was deleted, and what did not come in time: first the bytes, then the row."""

    begin: BeginUnitOfWork
    blobs: Blobs
    link_seconds: float

    async def sweep(self) -> None:
        """Raises: StoreUnavailableError; what is not done is done the next time."""
        async with self.begin(NOBODY) as uow:
            found = await uow.files.leftovers()
            for file_id in found:
                await self.blobs.remove(file_id)
            if found:
                await uow.files.forget(found)
                await uow.commit()
        await asyncio.to_thread(self.blobs.sweep, self.link_seconds)
