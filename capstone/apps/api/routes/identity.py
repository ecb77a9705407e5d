"""Logins and tokens over HTTP."""

from typing import TYPE_CHECKING
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from apps.api.access import person
from apps.api.answers import SessionAnswer, SessionsAnswer, TokensAnswer, UserAnswer
from apps.api.limits import LIMITED, LONGEST_AGENT, Clients
from apps.api.pages import Limit, page_of
from apps.api.schemas import Credentials, Refresh
from apps.api.settings import ApiSettings
from auth.litestar import AuthRequest
from core.identity.domain import Origin
from core.identity.service import IdentityService, Tokens

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler

Identity = NamedDependency[IdentityService]
Settings = NamedDependency[ApiSettings]
ClientsOf = NamedDependency[Clients]


def answer(tokens: Tokens, settings: ApiSettings) -> TokensAnswer:
    return TokensAnswer(
        access_token=tokens.access, refresh_token=tokens.refresh, expires_in=settings.access_token_seconds
    )


@post("/login", status_code=200, opt=LIMITED)
async def login(
    request: AuthRequest,
    data: JSONBody[Credentials],
    identity: Identity,
    settings: Settings,
    clients: ClientsOf,
) -> TokensAnswer:
    """Begin a family of tokens."""
    agent = request.headers.get("user-agent", "")[:LONGEST_AGENT]
    origin = Origin(clients.address_of(request.headers, request.client), agent)
    return answer(await identity.log_in(data.email, data.password.get_secret_value(), origin), settings)


@post("/refresh", status_code=200)
async def refresh(data: JSONBody[Refresh], identity: Identity, settings: Settings) -> TokensAnswer:
    """Exchange a refresh token for the next, and an access token."""
    return answer(await identity.refresh(data.refresh_token), settings)


@post("/logout", status_code=204, guards=[person])
async def logout(request: AuthRequest, identity: Identity) -> None:
    """End the login that the access token comes of."""
    await identity.log_out(request.user.credential)


@get("/me", guards=[person])
async def me(request: AuthRequest, identity: Identity) -> UserAnswer:
    """Show who is asking."""
    user = await identity.show(request.user.subject)
    return UserAnswer(id=user.id, email=user.email)


@get("/me/sessions", guards=[person])
async def sessions(
    request: AuthRequest,
    identity: Identity,
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> SessionsAnswer:
    """List what is signed in, the newest first."""
    found = await identity.logins(request.user.subject, str(cursor) if cursor else None, limit)
    shown, next_cursor = page_of(found, limit, lambda one: one.id)
    items = [
        SessionAnswer(
            id=one.id,
            created_at=one.created_at,
            address=one.origin.address,
            agent=one.origin.agent,
            is_current=one.id == request.user.credential,
        )
        for one in shown
    ]
    return SessionsAnswer(items=items, next_cursor=next_cursor)


@delete("/me/sessions", guards=[person])
async def end_sessions(request: AuthRequest, identity: Identity) -> None:
    """Sign out everywhere."""
    await identity.end_logins(request.user.subject)


@delete("/me/sessions/{session_id:str}", guards=[person])
async def end_session(request: AuthRequest, session_id: FromPath[str], identity: Identity) -> None:
    """End one login."""
    await identity.end_login(request.user.subject, session_id)


ROUTES: "list[ControllerRouterHandler]" = [
    Router("/auth", route_handlers=[login, refresh, logout]),
    me,
    sessions,
    end_sessions,
    end_session,
]
