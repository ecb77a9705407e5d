"""The verbs of flags."""

from uuid import UUID

from core.audit.domain import OPERATOR, Action
from core.errors import InvalidValueError
from core.tenancy.domain import Access
from core.unit_of_work import NOBODY, BeginUnitOfWork, Scope


class FlagService:
    """Switches for features, for all tenants or for one. All of it raises StoreUnavailableError."""

    def __init__(self, begin: BeginUnitOfWork) -> None:
        self._begin = begin

    async def show(self, access: Access) -> dict[str, bool]:
        async with self._begin(Scope(access.tenant_id)) as uow:
            return await uow.flags.of_tenant(access.tenant_id)

    async def switch(self, key: str, *, is_on: bool, tenant_id: UUID | None = None) -> None:
        """Switch a flag for all, or for one tenant. Raises: InvalidValueError."""
        async with self._begin(NOBODY if tenant_id is None else Scope(tenant_id)) as uow:
            if tenant_id is None:
                await uow.flags.set(key, is_on=is_on)
            elif await uow.organisations.find(tenant_id) is None:
                raise InvalidValueError("organisation_id", "unknown", "is no organisation's")
            else:
                await uow.flags.override(tenant_id, key, is_on=is_on)
                await uow.append(tenant_id, OPERATOR, Action.FLAG_SWITCHED, key, is_on=is_on)
            await uow.commit()
