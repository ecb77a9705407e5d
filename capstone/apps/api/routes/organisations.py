"""Organisations and their members over HTTP."""

from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from apps.api.access import Allowed, Tenancy, needs, person
from apps.api.answers import (
    MemberAnswer,
    MembersAnswer,
    MembershipAnswer,
    MembershipsAnswer,
    OrganisationAnswer,
)
from apps.api.cached import AnswerCache, Tagged
from apps.api.pages import Limit, page_of
from apps.api.schemas import NewOrganisation, NewRole
from auth.litestar import AuthRequest
from core.tenancy.domain import Member, Permission


def member_answer(member: Member) -> MemberAnswer:
    return MemberAnswer(user_id=member.user_id, email=member.email, role=member.role)


@post("/organisations", guards=[person])
async def create(
    request: AuthRequest, data: JSONBody[NewOrganisation], tenancy: Tenancy
) -> OrganisationAnswer:
    """Make an organisation, whose owner the caller is."""
    made = await tenancy.create(UUID(request.user.subject), data.name)
    return OrganisationAnswer(id=made.id, name=made.name)


@get("/organisations", guards=[person])
async def mine(
    request: AuthRequest,
    tenancy: Tenancy,
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> MembershipsAnswer:
    """List the organisations that the caller is in."""
    found = await tenancy.organisations_of(UUID(request.user.subject), cursor, limit)
    shown, next_cursor = page_of(found, limit, lambda pair: pair[0].id)
    return MembershipsAnswer(
        items=[MembershipAnswer(id=one.id, name=one.name, role=role) for one, role in shown],
        next_cursor=next_cursor,
    )


@get("/", opt=needs(Permission.READ_ORGANISATION))
async def show(
    request: AuthRequest, access: Allowed, tenancy: Tenancy, cached: AnswerCache
) -> Response[OrganisationAnswer]:
    """Show an organisation."""

    async def read() -> Tagged[OrganisationAnswer]:
        found = await tenancy.show(access)
        return Tagged(OrganisationAnswer(id=found.id, name=found.name))

    return await cached.answer(request, access, read)


@patch("/", opt=needs(Permission.CHANGE_ORGANISATION))
async def rename(access: Allowed, data: JSONBody[NewOrganisation], tenancy: Tenancy) -> OrganisationAnswer:
    """Give an organisation another name."""
    changed = await tenancy.rename(access, data.name)
    return OrganisationAnswer(id=changed.id, name=changed.name)


@get("/members", opt=needs(Permission.READ_MEMBERS))
async def members(
    request: AuthRequest,
    access: Allowed,
    tenancy: Tenancy,
    cached: AnswerCache,
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> Response[MembersAnswer]:
    """List the members, whose accounts are the oldest first."""

    async def read() -> Tagged[MembersAnswer]:
        found = await tenancy.members(access, cursor, limit)
        shown, next_cursor = page_of(found, limit, lambda one: one.user_id)
        return Tagged(MembersAnswer(items=[member_answer(one) for one in shown], next_cursor=next_cursor))

    return await cached.answer(request, access, read)


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
OF_ONE = [show, rename, members, set_role, remove_member]
