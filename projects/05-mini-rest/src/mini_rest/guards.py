"""Guards: who asks, and whether they may. They run before the body is read, in the order of `GUARDS`.

A route says what it needs in its `opt`. One that says nothing is refused to everybody: forgetting it shows at
the first request, while forgetting a guard would not.
"""

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from mini_rest.domain import Actor, Caller
from mini_rest.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from mini_rest.negotiation import lines
from mini_rest.permissions import Permission, may
from mini_rest.preconditions import expected_by
from mini_rest.query import UUID_TEXT, refuse_any

if TYPE_CHECKING:
    from mini_rest.accounts import AccountService
    from mini_rest.service import TaskService

# Source: RFC 6750, section 2.1.
BEARER: Final = re.compile(r"bearer +(?P<token>[A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)

type Connection = ASGIConnection[BaseRouteHandler, Caller | None, object, State]


async def knows_its_caller(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse who has no token of ours. Raises: UnauthenticatedError."""
    if needs(handler) is Permission.PUBLIC:
        return
    accounts: AccountService = connection.app.state.accounts
    sent = lines(connection.scope, "Authorization")
    match = BEARER.fullmatch(sent[0]) if len(sent) == 1 else None
    if match is None:
        raise UnauthenticatedError(was_sent=bool(sent))
    if accounts.is_operator(match["token"]):
        connection.scope["user"] = None
        return
    named = connection.path_params.get("organisation_id", "")
    organisation_id = UUID(named) if UUID_TEXT.fullmatch(named) else None
    caller = await accounts.identify(match["token"], organisation_id)
    if caller is None:
        raise UnauthenticatedError(was_sent=True)
    connection.scope["user"] = caller


async def lets_nobody_in_by_default(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse what the caller's role does not allow. Raises: ForbiddenError, NotFoundError."""
    permission = needs(handler)
    if permission is Permission.PUBLIC:
        return
    caller = connection.scope["user"]
    if permission is Permission.OPERATE:
        if caller is not None:
            raise ForbiddenError
        return
    # Not 403: whether there is such an organisation is the business of its members.
    if caller is None or caller.role is None:
        raise NotFoundError
    if permission is None or not may(caller.role, permission):
        raise ForbiddenError


async def knows_its_query(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse parameters on a route that has none. Raises: InvalidQueryError."""
    if not handler.opt.get("query"):
        refuse_any(connection.scope["query_string"])


GUARDS: Final = [knows_its_caller, lets_nobody_in_by_default, knows_its_query]


async def is_meant_for_this_version(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse a change that could not be made, before its body is read. It is the service that decides, twice.

    Raises: NotFoundError, ForbiddenError, PreconditionRequiredError, StaleVersionError.
    """
    tasks: TaskService = connection.app.state.tasks
    task_id = id_of(connection.path_params["task_id"])
    expected = expected_by(lines(connection.scope, "If-Match"))
    actor = actor_of(connection.scope)
    await tasks.check(actor, task_id, expected, deleted=handler.opt.get("deleted", False))


def needs(handler: BaseRouteHandler) -> Permission | None:
    permission = handler.opt.get("needs")
    return permission if isinstance(permission, Permission) else None


def actor_of(scope: Scope) -> Actor:
    """Return the member who asks. Raises: NotFoundError."""
    caller: Caller | None = scope["user"]
    if caller is None or caller.role is None:
        raise NotFoundError
    return Actor(caller.user_id, id_of(scope["path_params"]["organisation_id"]), caller.role)


def id_of(text: str) -> UUID:
    """Read an id as it was given out. All else, also another spelling of it, is the id of nothing.

    Raises: NotFoundError.
    """
    if not UUID_TEXT.fullmatch(text):
        raise NotFoundError
    return UUID(text)
