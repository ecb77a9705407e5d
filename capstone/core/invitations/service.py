"""The verbs of invitations. Accounts are made from their mailboxes: an account's address says whose it is.

So an invitation needs no token. It names an address, and whoever has the account of that address takes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.audit.domain import Action, Actor, ActorType
from core.budgets import Budget
from core.errors import InvalidValueError, NotFoundError
from core.idempotency.domain import Once
from core.identity.domain import canonical_email
from core.invitations.domain import Invitation
from core.jobs.queue import JobQueue
from core.mail.domain import MailKind
from core.tenancy.domain import Access, Organisation, Permission, Role
from core.unit_of_work import BeginUnitOfWork, Scope


@dataclass(frozen=True, slots=True)
class InvitationService:
    """Invitations. All of it raises StoreUnavailableError."""

    begin: BeginUnitOfWork
    queue: JobQueue
    mails: Budget
    lifetime: timedelta
    new_id: Callable[[], UUID]

    async def invite(
        self, access: Access, email: str, role: Role, once: Once[Invitation] | None = None
    ) -> Invitation:
        """Invite an address, in place of an invitation that it has. Whether it has an account tells nobody.

        Raises: InvalidValueError, ForbiddenError for a role above one's own, and what
        `IdempotencyKeys.begin` does.
        """
        access.require_rank(role)
        canonical = canonical_email(email)
        if canonical is None:
            raise InvalidValueError("email", "invalid_email", "is no e-mail address")
        async with self.begin(Scope(access.tenant_id)) as uow:
            await uow.idempotency.begin(access, once)
            members = await uow.organisations.members(access.tenant_id)
            if any(member.email == canonical for member in members):
                raise InvalidValueError("email", "is_member", "is a member already")
            made = await uow.invitations.put(access, self.new_id(), canonical, role, self.lifetime)
            if await self.mails.spend(canonical) is None:
                args = {"tenant_id": str(access.tenant_id), "invitation_id": str(made.id)}
                await uow.mails.promise(self.new_id(), MailKind.INVITATION, canonical, args)
                await self.queue.wake(uow.connection)
            await uow.idempotency.keep(access, once, made)
            await uow.record(access, Action.INVITATION_CREATED, made.id, role=role)
            await uow.commit()
        return made

    async def page(self, access: Access, before: UUID | None, limit: int) -> Sequence[Invitation]:
        """Return one more than asked for, if there are any."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await uow.invitations.of_tenant(access.tenant_id, before, limit + 1)

    async def revoke(self, access: Access, invitation_id: UUID) -> None:
        """Raises: NotFoundError."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            if not await uow.invitations.remove(access.tenant_id, invitation_id):
                raise NotFoundError("invitation")
            await uow.record(access, Action.INVITATION_REVOKED, invitation_id)
            await uow.commit()

    async def of_user(
        self, user_id: UUID, before: UUID | None, limit: int
    ) -> Sequence[tuple[Invitation, Organisation]]:
        """List the invitations to a user's address, the newest first."""
        async with self.begin(Scope(user_id=user_id)) as uow:
            return await uow.invitations.of_user(user_id, before, limit + 1)

    async def accept(self, user_id: UUID, invitation_id: UUID) -> tuple[Organisation, Role]:
        """Become a member, once. What whoever has invited may not give any more is void.

        Raises: NotFoundError.
        """
        async with self.begin(Scope(user_id=user_id)) as uow:
            offers = await uow.invitations.of_user(user_id)
        own = {invitation.id: organisation for invitation, organisation in offers}
        organisation = own.get(invitation_id)
        if organisation is None:
            raise NotFoundError("invitation")
        async with self.begin(Scope(organisation.id, user_id)) as uow:
            roles = await uow.organisations.lock_members(organisation.id)
            found = {one.id: one for one in await uow.invitations.of_tenant(organisation.id)}
            invitation = found.get(invitation_id)
            if invitation is None or not _counts(invitation, organisation.id, roles):
                raise NotFoundError("invitation")
            await uow.invitations.remove(organisation.id, invitation_id)
            await uow.organisations.add_member(organisation.id, user_id, invitation.role)
            actor = Actor(ActorType.USER, user_id)
            await uow.append(organisation.id, actor, Action.INVITATION_ACCEPTED, invitation_id)
            await uow.commit()
        return organisation, invitation.role


def _counts(invitation: Invitation, tenant_id: UUID, roles: dict[UUID, Role]) -> bool:
    """Tell whether whoever has invited could do so now."""
    role = roles.get(invitation.invited_by)
    if role is None:
        return False
    inviter = Access(tenant_id, invitation.invited_by, role)
    return inviter.may(Permission.CHANGE_MEMBERS) and inviter.may_give(invitation.role)
