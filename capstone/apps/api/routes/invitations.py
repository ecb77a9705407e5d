"""Invitations over HTTP: an organisation's, and those to oneself."""

from typing import TYPE_CHECKING
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from apps.api.access import Allowed, needs, person
from apps.api.answers import (
    InvitationAnswer,
    InvitationsAnswer,
    MembershipAnswer,
    OfferAnswer,
    OffersAnswer,
    OrganisationAnswer,
)
from apps.api.once import answered, once
from apps.api.pages import Limit, page_of
from apps.api.schemas import NewMember
from auth.litestar import AuthRequest
from core.idempotency.domain import Answer
from core.invitations.domain import Invitation
from core.invitations.service import InvitationService
from core.tenancy.domain import Permission

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler

Invitations = NamedDependency[InvitationService]


def invitation_answer(invitation: Invitation) -> InvitationAnswer:
    return InvitationAnswer.model_validate(invitation, from_attributes=True)


@post("/invitations", opt=needs(Permission.CHANGE_MEMBERS))
async def invite(
    request: AuthRequest, access: Allowed, data: JSONBody[NewMember], invitations: Invitations
) -> InvitationAnswer:
    """Invite an address, which is sent a mail, once for each Idempotency-Key."""

    def answer_of(made: Invitation) -> Answer:
        return answered(invitation_answer(made), 201)

    keyed = once(request, data, answer_of)
    return invitation_answer(await invitations.invite(access, data.email, data.role, keyed))


@get("/invitations", opt=needs(Permission.CHANGE_MEMBERS))
async def listing(
    access: Allowed,
    invitations: Invitations,
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> InvitationsAnswer:
    """List the invitations that are open, the newest first."""
    found = await invitations.page(access, cursor, limit)
    shown, next_cursor = page_of(found, limit, lambda one: one.id)
    return InvitationsAnswer(items=[invitation_answer(one) for one in shown], next_cursor=next_cursor)


@delete("/invitations/{invitation_id:uuid}", opt=needs(Permission.CHANGE_MEMBERS))
async def revoke(access: Allowed, invitation_id: FromPath[UUID], invitations: Invitations) -> None:
    """Take an invitation back."""
    await invitations.revoke(access, invitation_id)


@get("/me/invitations", guards=[person])
async def offers(
    request: AuthRequest,
    invitations: Invitations,
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> OffersAnswer:
    """List the invitations to one's own address, the newest first."""
    found = await invitations.of_user(UUID(request.user.subject), cursor, limit)
    shown, next_cursor = page_of(found, limit, lambda pair: pair[0].id)
    items = [
        OfferAnswer(
            id=one.id,
            organisation=OrganisationAnswer(id=organisation.id, name=organisation.name),
            role=one.role,
            expires_at=one.expires_at,
        )
        for one, organisation in shown
    ]
    return OffersAnswer(items=items, next_cursor=next_cursor)


@post("/me/invitations/{invitation_id:uuid}/accept", status_code=200, guards=[person])
async def accept(
    request: AuthRequest, invitation_id: FromPath[UUID], invitations: Invitations
) -> MembershipAnswer:
    """Become a member."""
    organisation, role = await invitations.accept(UUID(request.user.subject), invitation_id)
    return MembershipAnswer(id=organisation.id, name=organisation.name, role=role)


ROUTES: "list[ControllerRouterHandler]" = [offers, accept]
OF_ONE: "list[ControllerRouterHandler]" = [invite, listing, revoke]
