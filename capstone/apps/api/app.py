"""The wiring of the API, and which error becomes which status."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

import auth
from apps.api import access, limits
from apps.api.operator import operator
from apps.api.routes import flags, identity, jobs, organisations, projects
from apps.api.settings import APP_ROLE, ApiSettings
from auth.litestar import AuthPlugin, status_of
from core import errors
from core.flags.service import FlagService
from core.identifiers import new_id
from core.identity.service import IdentityService
from core.identity.tables import EMAIL_CONSTRAINT
from core.jobs.procrastinate_queue import ProcrastinateQueue
from core.jobs.service import JobService, NotInStateError
from core.projects.actions import ActionService
from core.projects.service import ProjectService
from core.tenancy.service import TenancyService
from core.unit_of_work import unit_of_work
from rate_limit import AsyncLimiter, AsyncRedisStorage, Policy
from service_kit.asgi import Plumbing
from service_kit.database import Database
from service_kit.egress import EgressGuard
from service_kit.litestar import install
from service_kit.problems import ErrorRule, FieldError, on

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler

NAME: Final = "capstone"
PREFIX: Final = "/api/v1"
MINUTE: Final = 60
COME_AGAIN: Final = {"Retry-After": "1"}


def create_app(settings: ApiSettings) -> Plumbing:
    """Put the API together; nothing is connected to yet."""
    key = settings.token_key.get_secret_value().encode()
    database = Database(
        str(settings.database_url),
        NAME,
        errors.StoreUnavailableError,
        session_settings={"role": APP_ROLE},
        tables=("users", "organisations", "memberships", "projects", "jobs"),
        constraints=(EMAIL_CONSTRAINT,),
    )
    refresh = auth.RefreshPolicy([key], grace_seconds=settings.refresh_grace_seconds)
    begin = partial(unit_of_work, database, refresh)
    queue = ProcrastinateQueue(str(settings.database_url), NAME, {"role": APP_ROLE})
    hasher = auth.PasswordHasher(auth.Parameters(settings.argon2_memory_kib, settings.argon2_passes))
    access_tokens = auth.AccessTokens(
        {"1": key}, "1", issuer=NAME, audience=NAME, lifetime_seconds=settings.access_token_seconds
    )
    people = IdentityService(begin, hasher, auth.PasswordPolicy(), access_tokens, new_id)
    tenancy = TenancyService(begin, new_id)
    work = JobService(begin, queue, new_id)
    sessions = auth.RedisSessionStore(str(settings.redis_url))
    counters = AsyncRedisStorage(str(settings.redis_url))
    actions = AsyncLimiter(counters, Policy(settings.actions_per_minute, MINUTE, "actions"))
    guard = EgressGuard(allow_private=settings.allow_private_destinations)
    provided: Mapping[str, object] = {
        "settings": settings,
        "identity": people,
        "tenancy": tenancy,
        "projects": ProjectService(begin, new_id),
        "jobs": work,
        "flags": FlagService(begin),
        "actions": ActionService(begin, work, limits.LimiterBudget(actions), guard, settings.max_attempts),
    }
    config = auth.AuthConfig(
        auth.Roles([auth.Role("user", 1), auth.Role("staff", 2)]),
        people.roles_of,
        auth.Sessions(sessions),
        auth.CsrfGuard(settings.public_origin),
        access_tokens=auth.AccessTokenAuth(
            access_tokens, lambda claims: people.is_live(claims.subject, claims.session_id)
        ),
        realm=NAME,
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        hasher.close()
        await sessions.aclose()
        await counters.aclose()
        await database.close()

    of_one = Router(
        "/organisations/{organisation_id:uuid}",
        route_handlers=[*organisations.OF_ONE, *projects.OF_ONE, *jobs.OF_ONE, *flags.OF_ONE],
        dependencies={"access": Provide(access.allowed)},
    )
    of_operator = Router(
        "/",
        route_handlers=flags.OF_OPERATOR,
        guards=[operator(settings.operator_token.get_secret_value())],
    )
    routes: list[ControllerRouterHandler] = [of_one, of_operator]
    routes += [*identity.ROUTES, *organisations.ROUTES]
    app = Litestar(
        [Router(PREFIX, route_handlers=routes)],
        dependencies={name: Provide(_always(it), sync_to_thread=False) for name, it in provided.items()},
        plugins=[AuthPlugin(config)],
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(title="Capstone", version="1"),
    )
    return install(app, settings, readiness={"postgresql": database.ping}, errors=error_table())


def _always(value: object) -> Callable[[], object]:
    return lambda: value


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(errors.NotFoundError, 404, "not_found"),
        on(errors.ForbiddenError, 403, "forbidden"),
        on(errors.EmailTakenError, 409, "email_taken"),
        on(errors.WrongCredentialsError, 401, "wrong_credentials"),
        on(errors.LastOwnerError, 409, "last_owner"),
        on(errors.FlagOffError, 403, "feature_off"),
        on(errors.VersionError, 412, "version_changed"),
        on(NotInStateError, 409, "not_in_state"),
        on(
            errors.TooManyRequestsError,
            429,
            "rate_limited",
            headers=lambda error: {"Retry-After": str(round(error.retry_after_seconds))},
        ),
        on(
            errors.InvalidValueError,
            422,
            "invalid_input",
            title="Invalid input",
            errors=lambda error: [FieldError(error.code, str(error), pointer=f"#/{error.field}")],
        ),
        on(
            errors.StoreUnavailableError,
            503,
            "store_unavailable",
            detail=lambda _: "The store does not answer. Send the request again.",
            headers=lambda _: COME_AGAIN,
        ),
        on(
            auth.PasswordRefusedError,
            422,
            "invalid_input",
            title="Invalid input",
            errors=lambda error: [FieldError(error.reason, str(error), pointer="#/password")],
        ),
        *(
            on(kind, status_of(kind), kind.code, headers=_come_again(status_of(kind)))
            for kind in (
                auth.NotSignedInError,
                auth.InvalidTokenError,
                auth.InvalidRefreshTokenError,
                auth.CrossSiteError,
                auth.ForbiddenError,
                auth.HasherBusyError,
                auth.StoreUnavailableError,
            )
        ),
    ]


def _come_again(status: int) -> Callable[[Exception], Mapping[str, str]]:
    return lambda _: COME_AGAIN if status >= HTTPStatus.INTERNAL_SERVER_ERROR else {}
