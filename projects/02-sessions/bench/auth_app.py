"""The same guarded route on libs/auth and its face for Litestar. Its login believes whatever it is told."""

import os

from litestar import Litestar, get, post
from litestar.params import JSONBody
from pydantic import BaseModel

import auth
from auth.litestar import AuthPlugin, AuthRequest, signed_in


class Claim(BaseModel):
    id: str
    email: str


class Me(BaseModel):
    id: str
    email: str
    csrf_token: str


@post("/api/v1/session", status_code=200)
async def sign_in(data: JSONBody[Claim], request: AuthRequest) -> Claim:
    await request.auth.sign_in(data.id, data={"email": data.email})
    return data


@get("/api/v1/me", guards=[signed_in])
async def me(request: AuthRequest) -> Me:
    session = request.user.session
    assert session is not None
    return Me(id=session.subject, email=session.data["email"], csrf_token=session.csrf_token)


async def roles_of(_subject: str) -> tuple[str, ...]:
    return ()


def create_app() -> Litestar:
    sessions = auth.Sessions(auth.RedisSessionStore(os.environ["REDIS_URL"]))
    csrf = auth.CsrfGuard(os.environ["PUBLIC_ORIGIN"])
    config = auth.AuthConfig(auth.Roles([]), roles_of, sessions, csrf)
    return Litestar([sign_in, me], plugins=[AuthPlugin(config)], openapi_config=None)
