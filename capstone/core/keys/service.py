"""The verbs of API keys."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from auth import ApiKey, ApiKeyFormat, InvalidApiKeyError
from core.audit.domain import Action
from core.errors import NotFoundError
from core.identity.domain import digest_of
from core.keys import domain
from core.keys.domain import IssuedKey, Key, NewKey
from core.tenancy.domain import Access
from core.unit_of_work import BeginUnitOfWork, Scope


@dataclass(frozen=True, slots=True)
class KeyService:
    """Keys of the tenant that an Access names. All of it raises StoreUnavailableError."""

    begin: BeginUnitOfWork
    key_format: ApiKeyFormat
    new_id: Callable[[], UUID]

    async def issue(
        self, access: Access, name: str, scopes: Collection[domain.Scope], lifetime: timedelta | None
    ) -> IssuedKey:
        """Make a key; it is returned here and never again.

        Raises: ForbiddenError for a scope that the maker's own role does not have.
        """
        for scope in scopes:
            access.require_scope(scope)
        secret = self.key_format.new()
        new = NewKey(
            self.new_id(),
            access.tenant_id,
            access.user_id,
            digest_of(secret),
            name,
            self.key_format.hint(secret),
            frozenset(scopes),
            lifetime,
        )
        async with self.begin(Scope(access.tenant_id)) as uow:
            key = await uow.keys.add(new)
            await uow.record(access, Action.KEY_CREATED, key.id, scopes=sorted(new.scopes))
            await uow.commit()
        return IssuedKey(secret, key)

    async def page(self, access: Access, before: UUID | None, limit: int) -> Sequence[Key]:
        """Return one key more than asked for, if there are any."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await uow.keys.of_tenant(access.tenant_id, before, limit + 1)

    async def revoke(self, access: Access, key_id: UUID) -> None:
        """Raises: NotFoundError."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            if not await uow.keys.revoke(access.tenant_id, key_id):
                raise NotFoundError("key")
            await uow.record(access, Action.KEY_REVOKED, key_id)
            await uow.commit()

    async def authenticate(self, secret: str) -> ApiKey:
        """Return what is kept of a key that counts. What is malformed costs no question to the database.

        Raises: InvalidApiKeyError of libs/auth.
        """
        if not self.key_format.is_well_formed(secret):
            raise InvalidApiKeyError("the API key is not valid")
        digest = digest_of(secret)
        async with self.begin(Scope(key_digest=digest)) as uow:
            found = await uow.keys.shown(digest)
        if found is None:
            raise InvalidApiKeyError("the API key is not valid")
        key, is_due = found
        if is_due:
            async with self.begin(Scope(key.tenant_id)) as uow:
                await uow.keys.used(key.tenant_id, key.id)
                await uow.commit()
        return ApiKey(str(key.id), str(key.user_id), key.name, key.hint, key.scopes, key.created_at)
