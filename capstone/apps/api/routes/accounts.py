"""Accounts and their passwords over HTTP."""

from typing import TYPE_CHECKING

from litestar import Router, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from apps.api.access import person
from apps.api.answers import AcceptedAnswer, AdmittedAnswer, UserAnswer
from apps.api.limits import LIMITED
from apps.api.routes.identity import ClientsOf
from apps.api.schemas import Address, NewAccount, NewPassword
from auth.litestar import AuthRequest
from core.identity.accounts import AccountService

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler

Accounts = NamedDependency[AccountService]


@post("/register", status_code=202, opt=LIMITED)
async def register(data: JSONBody[Address], accounts: Accounts) -> AcceptedAnswer:
    """Have a mail sent that leads to an account."""
    await accounts.ask_for_account(data.email)
    return AcceptedAnswer()


@post("/accounts", opt=LIMITED)
async def create(data: JSONBody[NewAccount], accounts: Accounts) -> UserAnswer:
    """Make the account that a mail leads to."""
    user = await accounts.create(data.token, data.password.get_secret_value())
    return UserAnswer(id=user.id, email=user.email)


@post("/password/forgot", status_code=202, opt=LIMITED)
async def forgot(data: JSONBody[Address], accounts: Accounts) -> AcceptedAnswer:
    """Have a mail sent that leads to another password."""
    await accounts.forgot_password(data.email)
    return AcceptedAnswer()


@post("/password/reset", status_code=204, opt=LIMITED)
async def reset(data: JSONBody[NewAccount], accounts: Accounts) -> None:
    """Choose the password that a mail leads to."""
    await accounts.reset_password(data.token, data.password.get_secret_value())


@put("/me/password", status_code=204, guards=[person])
async def change(
    request: AuthRequest, data: JSONBody[NewPassword], accounts: Accounts, clients: ClientsOf
) -> None:
    """Choose another password by the current one."""
    await accounts.change_password(
        request.user.subject,
        request.user.credential,
        data.current_password.get_secret_value(),
        data.password.get_secret_value(),
        clients.address_of(request.headers, request.client),
    )


@post("/admin/accounts")
async def admit(data: JSONBody[Address], accounts: Accounts) -> AdmittedAnswer:
    """Return what leads to an account, for the operator to hand over."""
    return AdmittedAnswer(token=await accounts.admit(data.email))


ROUTES: "list[ControllerRouterHandler]" = [
    Router("/auth", route_handlers=[register, create, forgot, reset]),
    change,
]
OF_OPERATOR: "list[ControllerRouterHandler]" = [admit]
