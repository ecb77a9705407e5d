"""The HTTP surface: it translates, and decides nothing."""

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from core_backend.accounts import Accounts
from core_backend.domain import JobState, User
from core_backend.errors import NotFoundError, UnauthenticatedError
from core_backend.schemas import (
    Changes,
    Credentials,
    Cursor,
    JobAnswer,
    JobsAnswer,
    NewResource,
    PageAnswer,
    RefreshBody,
    ResourceAnswer,
    TokensAnswer,
    UserAnswer,
    UsersAnswer,
    job_answer,
    page_answer,
    resource_answer,
    tokens_answer,
    user_answer,
)
from core_backend.service import Administration, Resources

if TYPE_CHECKING:
    from core_backend.limits import AuthLimit

PREFIX = "/api/v1"
SCHEME = "bearer"


def accounts_of(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.accounts
    return accounts


def resources_of(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


def administration_of(request: Request) -> Administration:
    administration: Administration = request.app.state.administration
    return administration


type AccountsOf = Annotated[Accounts, Depends(accounts_of)]
type ResourcesOf = Annotated[Resources, Depends(resources_of)]
type AdministrationOf = Annotated[Administration, Depends(administration_of)]


async def user_of(accounts: AccountsOf, authorization: Annotated[str | None, Header()] = None) -> User:
    """Return who asks. Raises: UnauthenticatedError."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != SCHEME:
        raise UnauthenticatedError
    return await accounts.user_of(token.strip(" "))


async def spend_one_request(request: Request) -> None:
    """Take one request from the budget of its connection's address; what it says of itself is ignored."""
    limit: AuthLimit = request.app.state.auth_limit
    await limit.spend(request.client.host if request.client else "")


def id_of(text: str) -> UUID:
    """Read an id as it was given out. All else, also another spelling of it, is the id of nothing."""
    with suppress(ValueError):
        known = UUID(text)
        if str(known) == text:
            return known
    raise NotFoundError


def resource_id_of(resource_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    return id_of(resource_id)


def job_id_of(job_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    return id_of(job_id)


type Asking = Annotated[User, Depends(user_of)]
type ResourceId = Annotated[UUID, Depends(resource_id_of)]
type JobId = Annotated[UUID, Depends(job_id_of)]
type Limit = Annotated[int, Query(ge=1, le=100)]

auth = APIRouter(prefix=f"{PREFIX}/auth", dependencies=[Depends(spend_one_request)])
api = APIRouter(prefix=PREFIX)


@auth.post("/register", status_code=HTTPStatus.CREATED)
async def register(body: Credentials, accounts: AccountsOf) -> UserAnswer:
    """Make a user."""
    return user_answer(await accounts.register(body.email, body.password.get_secret_value()))


@auth.post("/login")
async def log_in(body: Credentials, accounts: AccountsOf) -> TokensAnswer:
    """Exchange an address and a password for tokens."""
    return tokens_answer(await accounts.log_in(body.email, body.password.get_secret_value()))


@auth.post("/refresh")
async def refresh(body: RefreshBody, accounts: AccountsOf) -> TokensAnswer:
    """Exchange a refresh token for new tokens, once."""
    return tokens_answer(await accounts.refresh(body.refresh_token.get_secret_value()))


@api.get("/me")
async def me(user: Asking) -> UserAnswer:
    """Tell who asks."""
    return user_answer(user)


@api.post("/resources", status_code=HTTPStatus.CREATED)
async def create(
    body: NewResource, user: Asking, resources: ResourcesOf, response: Response
) -> ResourceAnswer:
    """Make a resource."""
    resource = await resources.create(user, body.title, body.content)
    response.headers["Location"] = f"{PREFIX}/resources/{resource.id}"
    return resource_answer(resource)


@api.get("/resources")
async def list_newest(
    user: Asking, resources: ResourcesOf, limit: Limit = 20, cursor: Cursor | None = None
) -> PageAnswer:
    """List resources, newest first; `next_cursor` leads to the next part."""
    return page_answer(await resources.newest(user, cursor, limit))


@api.get("/resources/{resource_id}")
async def read(resource_id: ResourceId, user: Asking, resources: ResourcesOf) -> ResourceAnswer:
    """Show a resource."""
    return resource_answer(await resources.read(user, resource_id))


@api.patch("/resources/{resource_id}")
async def change(
    resource_id: ResourceId, body: Changes, user: Asking, resources: ResourcesOf
) -> ResourceAnswer:
    """Change what is given of a resource."""
    title, content = body.given("title"), body.given("content")
    return resource_answer(await resources.change(user, resource_id, title, content))


@api.delete("/resources/{resource_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete(resource_id: ResourceId, user: Asking, resources: ResourcesOf) -> None:
    """Delete a resource."""
    await resources.delete(user, resource_id)


@api.get("/users")
async def list_users(user: Asking, administration: AdministrationOf) -> UsersAnswer:
    """List the newest users, for administrators."""
    return UsersAnswer(items=list(map(user_answer, await administration.users(user))))


@api.get("/jobs")
async def list_jobs(
    user: Asking, administration: AdministrationOf, state: JobState = JobState.DEAD
) -> JobsAnswer:
    """List the newest jobs in a state, for administrators."""
    return JobsAnswer(items=list(map(job_answer, await administration.jobs(user, state))))


@api.post("/jobs/{job_id}/retry", status_code=HTTPStatus.ACCEPTED)
async def retry(job_id: JobId, user: Asking, administration: AdministrationOf) -> JobAnswer:
    """Queue a dead job again, with all its attempts."""
    return job_answer(await administration.retry(user, job_id))
