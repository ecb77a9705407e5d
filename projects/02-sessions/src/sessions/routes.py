"""The HTTP surface: it translates, and decides nothing."""

from typing import Annotated, Final
from uuid import UUID

from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from sessions import cookies
from sessions.csrf import token_of
from sessions.errors import NotFoundError
from sessions.guards import administrator, caller_of, from_our_pages, gate_of, signed_in
from sessions.schemas import (
    Accepted,
    AccountAnswer,
    Credentials,
    EmailChange,
    EmailConfirmation,
    MeAnswer,
    NewAccount,
    PasswordChange,
    Registration,
    Revocation,
    SessionsAnswer,
    UserAnswer,
    UserChange,
    UsersAnswer,
    session_answer,
)
from sessions.service import AccountService
from sessions.sessions import Found

# Without `type`: Litestar reads what an annotation is made of.
Address = Annotated[str, QueryParameter(max_length=1000)]
Service = NamedDependency[AccountService]
Asked = Request[None, Found, State]

PREFIX: Final = "/api/v1"
CLEAR_SITE_DATA: Final = '"cache", "storage"'


@post("/registrations", status_code=202)
async def register(data: JSONBody[Registration], service: Service) -> Accepted:
    """Ask for an account: the answer is the same for every address, and a mail says how to go on."""
    await service.register(data.email)
    return Accepted()


@post("/accounts")
async def create_account(data: JSONBody[NewAccount], service: Service) -> AccountAnswer:
    """Make the account, with the token of the mail."""
    user = await service.create_account(data.token, data.password)
    return AccountAnswer(id=user.id, email=user.email)


@post("/session", status_code=200)
async def sign_in(data: JSONBody[Credentials], request: Asked, service: Service) -> Response[MeAnswer]:
    """Sign in: the answer sets the cookie, and the session that came along ends."""
    user, secret = await service.sign_in(data.email, data.password, caller_of(request))
    is_admin = user.email in gate_of(request).administrators
    answer = MeAnswer(id=user.id, email=user.email, is_admin=is_admin, csrf_token=token_of(secret))
    return Response(answer, headers={"set-cookie": cookies.set_cookie(secret)})


@delete("/session", guards=[signed_in])
async def sign_out(request: Asked, service: Service) -> Response[None]:
    """Sign out."""
    session = request.auth.session
    await service.end_session(session.user_id, session.id)
    headers = {"set-cookie": cookies.CLEARED, "clear-site-data": CLEAR_SITE_DATA}
    return Response(None, status_code=204, headers=headers)


@get("/me", guards=[signed_in])
async def me(request: Asked) -> MeAnswer:
    """Tell who is signed in."""
    session = request.auth.session
    is_admin = session.email in gate_of(request).administrators
    token = token_of(request.auth.secret)
    return MeAnswer(id=session.user_id, email=session.email, is_admin=is_admin, csrf_token=token)


@put("/me/password", guards=[signed_in], status_code=204)
async def change_password(data: JSONBody[PasswordChange], request: Asked, service: Service) -> Response[None]:
    """Change the password: all other sessions end, and this one has a new cookie."""
    new, current = data.new_password, data.current_password
    return rotated(await service.change_password(request.auth, new, current, caller_of(request)))


@put("/me/email", guards=[signed_in], status_code=202)
async def change_email(data: JSONBody[EmailChange], request: Asked, service: Service) -> Accepted:
    """Ask for another address: a mail to it says how to go on."""
    await service.ask_for_email(request.auth, data.email, data.current_password, caller_of(request))
    return Accepted()


@post("/me/email/confirmation", guards=[signed_in], status_code=204)
async def confirm_email(
    data: JSONBody[EmailConfirmation], request: Asked, service: Service
) -> Response[None]:
    """Take the new address: all other sessions end, and this one has a new cookie."""
    return rotated(await service.confirm_email(request.auth, data.token))


@get("/sessions", guards=[signed_in])
async def list_sessions(request: Asked, service: Service) -> SessionsAnswer:
    """List one's live sessions."""
    current = request.auth.session
    listed = await service.sessions_of(current.user_id)
    return SessionsAnswer(items=[session_answer(session, current) for session in listed])


@delete("/sessions/{session_id:str}", guards=[signed_in])
async def revoke(session_id: FromPath[str], request: Asked, service: Service) -> Response[None]:
    """End one of one's sessions."""
    session = request.auth.session
    if not await service.end_session(session.user_id, session_id):
        raise NotFoundError
    headers = {"set-cookie": cookies.CLEARED} if session_id == session.id else {}
    return Response(None, status_code=204, headers=headers)


@post("/me/revoke-others", guards=[signed_in], status_code=204)
async def revoke_others(data: JSONBody[Revocation], request: Asked, service: Service) -> Response[None]:
    """End all of one's other sessions; this one has a new cookie."""
    return rotated(await service.revoke_others(request.auth, data.current_password, caller_of(request)))


@get("/users", guards=[administrator])
async def find_users(email: Address, service: Service) -> UsersAnswer:
    """Find the account of an address."""
    user = await service.find_user(email)
    items = [] if user is None else [UserAnswer(id=user.id, email=user.email, disabled=user.is_disabled)]
    return UsersAnswer(items=items)


@patch("/users/{user_id:uuid}", guards=[administrator])
async def change_user(user_id: FromPath[UUID], data: JSONBody[UserChange], service: Service) -> UserAnswer:
    """Keep a user out, or let it in again; whoever is kept out has no session any more."""
    user = await service.set_disabled(user_id, disabled=data.disabled)
    return UserAnswer(id=user.id, email=user.email, disabled=user.is_disabled)


@delete("/users/{user_id:uuid}/sessions", guards=[administrator], status_code=204)
async def end_sessions_of(user_id: FromPath[UUID], service: Service) -> None:
    """End all sessions of a user."""
    await service.end_sessions_of(user_id)


def rotated(secret: str) -> Response[None]:
    return Response(None, status_code=204, headers={"set-cookie": cookies.set_cookie(secret)})


API: Final = Router(
    PREFIX,
    guards=[from_our_pages],
    route_handlers=[
        register,
        create_account,
        sign_in,
        sign_out,
        me,
        change_password,
        change_email,
        confirm_email,
        list_sessions,
        revoke,
        revoke_others,
        find_users,
        change_user,
        end_sessions_of,
    ],
)
