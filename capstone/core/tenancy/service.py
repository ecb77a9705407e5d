"""The verbs of organisations and their members."""

from collections.abc import Callable, Sequence
from uuid import UUID

from core.audit.domain import Action, Actor, ActorType
from core.errors import LastOwnerError, NotFoundError
from core.tenancy.domain import Access, Member, Organisation, Permission, Role
from core.unit_of_work import BeginUnitOfWork, Scope


class TenancyService:
    """Who is where, and as what. All of it raises StoreUnavailableError."""

    def __init__(self, begin: BeginUnitOfWork, new_id: Callable[[], UUID]) -> None:
        self._begin = begin
        self._new_id = new_id

    async def access(
        self, user_id: UUID, tenant_id: UUID, permission: str, key_id: UUID | None = None
    ) -> Access:
        """Look up what a user may do in an organisation, now; by an API key only in the key's own.

        Raises: NotFoundError, for an organisation that is not theirs as for one that does not exist;
        ForbiddenError.
        """
        async with self._begin(Scope(tenant_id, user_id)) as uow:
            standing = await uow.organisations.standing_of(tenant_id, user_id)
            is_its = key_id is None or await uow.keys.belongs(tenant_id, key_id)
        if standing is None or not is_its:
            raise NotFoundError("organisation")
        role, changes = standing
        access = Access(tenant_id, user_id, role, key_id, changes)
        access.require(permission)
        return access

    async def create(self, user_id: UUID, name: str) -> Organisation:
        """Make an organisation, whose owner the caller is."""
        organisation = Organisation(self._new_id(), name)
        async with self._begin(Scope(organisation.id, user_id)) as uow:
            await uow.organisations.add(organisation)
            await uow.organisations.add_member(organisation.id, user_id, Role.OWNER)
            actor = Actor(ActorType.USER, user_id)
            await uow.append(organisation.id, actor, Action.ORGANISATION_CREATED, organisation.id)
            await uow.commit()
        return organisation

    async def organisations_of(
        self, user_id: UUID, after: UUID | None, limit: int
    ) -> Sequence[tuple[Organisation, Role]]:
        """Return one more than asked for, if there are any."""
        async with self._begin(Scope(user_id=user_id)) as uow:
            return await uow.organisations.of_user(user_id, after, limit + 1)

    async def show(self, access: Access) -> Organisation:
        """Raises: NotFoundError."""
        async with self._begin(_scope(access)) as uow:
            found = await uow.organisations.find(access.tenant_id)
        if found is None:
            raise NotFoundError("organisation")
        return found

    async def rename(self, access: Access, name: str) -> Organisation:
        async with self._begin(_scope(access)) as uow:
            await uow.organisations.rename(access.tenant_id, name)
            await uow.record(access, Action.ORGANISATION_RENAMED, access.tenant_id)
            await uow.commit()
        return Organisation(access.tenant_id, name)

    async def members(self, access: Access, after: UUID | None, limit: int) -> Sequence[Member]:
        """Return one more than asked for, if there are any."""
        async with self._begin(_scope(access)) as uow:
            return await uow.organisations.members(access.tenant_id, after, limit + 1)

    async def set_role(self, access: Access, user_id: UUID, role: Role) -> None:
        """Give a member another role. Raises: NotFoundError, ForbiddenError, LastOwnerError."""
        async with self._begin(_scope(access)) as uow:
            roles = await uow.organisations.lock_members(access.tenant_id)
            self._check_change(access, roles, user_id, role)
            await uow.organisations.set_role(access.tenant_id, user_id, role)
            await uow.record(access, Action.MEMBER_CHANGED, user_id, role=role)
            await uow.commit()

    async def remove_member(self, access: Access, user_id: UUID) -> None:
        """Raises: NotFoundError, ForbiddenError, LastOwnerError."""
        async with self._begin(_scope(access)) as uow:
            roles = await uow.organisations.lock_members(access.tenant_id)
            self._check_change(access, roles, user_id, None)
            await uow.organisations.remove_member(access.tenant_id, user_id)
            await uow.record(access, Action.MEMBER_REMOVED, user_id)
            await uow.commit()

    def _check_change(
        self, access: Access, roles: dict[UUID, Role], user_id: UUID, role: Role | None
    ) -> None:
        """Judge by the roles as they are under the lock: the caller may have lost theirs while waiting."""
        present = roles.get(user_id)
        own = roles.get(access.user_id)
        if own is None:
            raise NotFoundError("organisation")
        if present is None:
            raise NotFoundError("member")
        access.require_rank(present)
        owners = [user for user, its in roles.items() if its is Role.OWNER]
        if owners == [user_id] and role is not Role.OWNER:
            raise LastOwnerError
        now = Access(access.tenant_id, access.user_id, own)
        now.require(Permission.CHANGE_MEMBERS)
        now.require_rank(present, *([role] if role else []))


def _scope(access: Access) -> Scope:
    return Scope(access.tenant_id, access.user_id)
