"""Organisations and their members over HTTP."""

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from apps.api.access import Allowed, Tenancy, needs
from apps.api.schemas import (
    MemberAnswer,
    MembersAnswer,
    MembershipAnswer,
    MembershipsAnswer,
    NewMember,
    NewOrganisation,
    NewRole,
    OrganisationAnswer,
)
from auth.litestar import AuthRequest, signed_in
from core.tenancy.domain import Member, Permission


def member_answer(member: Member) -> MemberAnswer:
    return MemberAnswer(user_id=member.user_id, email=member.email, role=member.role)


@post("/organisations", guards=[signed_in])
async def create(
    request: AuthRequest, data: JSONBody[NewOrganisation], tenancy: Tenancy
) -> OrganisationAnswer:
    """Make an organisation, whose owner the caller is."""
    made = await tenancy.create(UUID(request.user.subject), data.name)
    return OrganisationAnswer(id=made.id, name=made.name)


@get("/organisations", guards=[signed_in])
async def mine(request: AuthRequest, tenancy: Tenancy) -> MembershipsAnswer:
    """List the organisations that the caller is in."""
    found = await tenancy.organisations_of(UUID(request.user.subject))
    return MembershipsAnswer(
        items=[MembershipAnswer(id=one.id, name=one.name, role=role) for one, role in found]
    )


@get("/", opt=needs(Permission.READ_ORGANISATION))
async def show(access: Allowed, tenancy: Tenancy) -> OrganisationAnswer:
    """Show an organisation."""
    found = await tenancy.show(access)
    return OrganisationAnswer(id=found.id, name=found.name)


@patch("/", opt=needs(Permission.CHANGE_ORGANISATION))
async def rename(access: Allowed, data: JSONBody[NewOrganisation], tenancy: Tenancy) -> OrganisationAnswer:
    """Give an organisation another name."""
    changed = await tenancy.rename(access, data.name)
    return OrganisationAnswer(id=changed.id, name=changed.name)


@get("/members", opt=needs(Permission.READ_MEMBERS))
async def members(access: Allowed, tenancy: Tenancy) -> MembersAnswer:
    """List the members."""
    return MembersAnswer(items=[member_answer(one) for one in await tenancy.members(access)])


@post("/members", opt=needs(Permission.CHANGE_MEMBERS))
async def add_member(access: Allowed, data: JSONBody[NewMember], tenancy: Tenancy) -> MemberAnswer:
    """Let an account in."""
    return member_answer(await tenancy.add_member(access, data.email, data.role))


@patch("/members/{user_id:uuid}", status_code=204, opt=needs(Permission.CHANGE_MEMBERS))
async def set_role(
    access: Allowed, user_id: FromPath[UUID], data: JSONBody[NewRole], tenancy: Tenancy
) -> None:
    """Give a member another role."""
    await tenancy.set_role(access, user_id, data.role)


@delete("/members/{user_id:uuid}", opt=needs(Permission.CHANGE_MEMBERS))
async def remove_member(access: Allowed, user_id: FromPath[UUID], tenancy: Tenancy) -> None:
    """Remove a member."""
    await tenancy.remove_member(access, user_id)


ROUTES = [create, mine]
OF_ONE = [show, rename, members, add_member, set_role, remove_member]
