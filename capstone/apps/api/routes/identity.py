"""Accounts and tokens over HTTP."""

from typing import TYPE_CHECKING

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from apps.api.schemas import Credentials, Refresh, TokensAnswer, UserAnswer
from apps.api.settings import ApiSettings
from auth.litestar import CSRF_EXEMPT, AuthRequest, signed_in
from core.identity.service import IdentityService, Tokens

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler

Identity = NamedDependency[IdentityService]
Settings = NamedDependency[ApiSettings]


def answer(tokens: Tokens, settings: ApiSettings) -> TokensAnswer:
    return TokensAnswer(
        access_token=tokens.access, refresh_token=tokens.refresh, expires_in=settings.access_token_seconds
    )


@post("/register", opt={CSRF_EXEMPT: True})
async def register(data: JSONBody[Credentials], identity: Identity) -> UserAnswer:
    """Make an account."""
    user = await identity.register(data.email, data.password.get_secret_value())
    return UserAnswer(id=user.id, email=user.email)


@post("/login", status_code=200, opt={CSRF_EXEMPT: True})
async def login(data: JSONBody[Credentials], identity: Identity, settings: Settings) -> TokensAnswer:
    """Begin a family of tokens."""
    return answer(await identity.log_in(data.email, data.password.get_secret_value()), settings)


@post("/refresh", status_code=200, opt={CSRF_EXEMPT: True})
async def refresh(data: JSONBody[Refresh], identity: Identity, settings: Settings) -> TokensAnswer:
    """Exchange a refresh token for the next, and an access token."""
    return answer(await identity.refresh(data.refresh_token), settings)


@post("/logout", status_code=204, guards=[signed_in])
async def logout(request: AuthRequest, identity: Identity) -> None:
    """End the login that the access token comes of."""
    await identity.log_out(request.user.credential)


@get("/me", guards=[signed_in])
async def me(request: AuthRequest, identity: Identity) -> UserAnswer:
    """Show who is asking."""
    user = await identity.show(request.user.subject)
    return UserAnswer(id=user.id, email=user.email)


ROUTES: "list[ControllerRouterHandler]" = [
    Router("/auth", route_handlers=[register, login, refresh, logout]),
    me,
]
