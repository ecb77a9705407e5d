"""The wiring of the API."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

import auth
from apps.api import access, limits
from apps.api.cached import AnswerStore, Cached
from apps.api.cors import Cors
from apps.api.once import replayed
from apps.api.operator import operator
from apps.api.origins import OriginGuard
from apps.api.problems import error_table
from apps.api.routes import (
    accounts,
    audit,
    files,
    flags,
    identity,
    inbox,
    invitations,
    jobs,
    keys,
    organisations,
    projects,
    webhooks,
)
from apps.api.settings import APP_ROLE, ApiSettings
from apps.api.traced import Traced
from auth.litestar import CSRF_EXEMPT, AuthPlugin
from core import errors
from core.audit.checkpoints import Signer
from core.audit.service import AuditService
from core.audit.watch import ReadWatch
from core.files.blobs import Blobs
from core.files.domain import FileLimits
from core.files.links import Links
from core.files.service import FileService
from core.flags.service import FlagService
from core.idempotency.domain import ReplayedError
from core.identifiers import new_id
from core.identity.accounts import AccountService
from core.identity.domain import GuessRules
from core.identity.service import Guesses, IdentityService
from core.identity.tables import EMAIL_CONSTRAINT
from core.inbox.service import InboxService
from core.invitations.service import InvitationService
from core.jobs.procrastinate_queue import ProcrastinateQueue
from core.jobs.service import JobService
from core.keys.service import KeyService
from core.projects.actions import ActionService
from core.projects.service import ProjectService
from core.tenancy.service import TenancyService
from core.unit_of_work import unit_of_work
from core.webhooks.announcer import Announcer
from core.webhooks.secrets import Sealer
from core.webhooks.service import EndpointService
from rate_limit import AsyncLimiter, AsyncRedisStorage, Policy
from service_kit.database import Database
from service_kit.egress import EgressGuard
from service_kit.litestar import install
from service_kit.litestar_page import page_of
from service_kit.routing import template
from service_kit.tracers import tracer_of

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler

NAME: Final = "capstone"
PREFIX: Final = "/api/v1"
MINUTE: Final = 60
HOUR: Final = 3600


def create_app(settings: ApiSettings) -> Cors:
    """Put the API together; nothing is connected to yet."""
    key = settings.token_key.get_secret_value().encode()
    database = Database(
        str(settings.database_url),
        NAME,
        errors.StoreUnavailableError,
        session_settings={"role": APP_ROLE},
        tables=(
            "users",
            "organisations",
            "memberships",
            "projects",
            "jobs",
            "mails",
            "audit_entries",
            "files",
        ),
        constraints=(EMAIL_CONSTRAINT,),
    )
    refresh = auth.RefreshPolicy([key], grace_seconds=settings.refresh_grace_seconds)
    queue = ProcrastinateQueue(str(settings.database_url), NAME, {"role": APP_ROLE})
    signer = Signer(bytes.fromhex(settings.audit_key.get_secret_value()))
    announcer = Announcer(queue, signer, new_id, settings.delivery_attempts, settings.checkpoint_entries)
    begin = partial(unit_of_work, database, refresh, announcer)
    hasher = auth.PasswordHasher(auth.Parameters(settings.argon2_memory_kib, settings.argon2_passes))
    access_tokens = auth.AccessTokens(
        {"1": key}, "1", issuer=NAME, audience=NAME, lifetime_seconds=settings.access_token_seconds
    )
    policy = auth.PasswordPolicy()
    rules = GuessRules(
        settings.login_failures,
        timedelta(seconds=settings.lock_seconds),
        timedelta(seconds=settings.longest_lock_seconds),
    )
    guesses = Guesses(begin, hasher, rules)
    people = IdentityService(begin, hasher, policy, access_tokens, guesses)
    key_format = auth.ApiKeyFormat(f"cap_{settings.key_environment}")
    api_keys = KeyService(begin, key_format, new_id)
    tenancy = TenancyService(begin, new_id)
    work = JobService(begin, queue, new_id)
    sessions = auth.RedisSessionStore(str(settings.redis_url))
    counters = AsyncRedisStorage(str(settings.redis_url))
    budget = partial(_budget, counters)
    mails = budget(settings.mails_per_hour, HOUR, "mails")
    clients = limits.Clients(settings.trusted_hops)
    token_life = timedelta(seconds=settings.mail_token_seconds)
    sealer = Sealer(bytes.fromhex(settings.sealing_key.get_secret_value()))
    guard = EgressGuard(allow_private=settings.allow_private_destinations)
    tracer = tracer_of(settings.otel_exporter_otlp_endpoint, NAME)
    answers = AnswerStore(str(settings.redis_url), settings.cache_seconds)
    provided: Mapping[str, object] = {
        "cached": Cached(answers),
        "reads": ReadWatch(
            begin,
            budget(settings.reads_per_minute, MINUTE, "reads"),
            budget(1, MINUTE, "reads-alarm"),
            budget(settings.exports_per_hour, HOUR, "exports"),
        ),
        "settings": settings,
        "clients": clients,
        "identity": people,
        "accounts": AccountService(begin, queue, hasher, policy, guesses, mails, token_life, new_id),
        "invitations": InvitationService(
            begin, queue, mails, timedelta(seconds=settings.invitation_seconds), new_id
        ),
        "keys": api_keys,
        "tenancy": tenancy,
        "projects": ProjectService(begin, new_id),
        "jobs": work,
        "files": FileService(
            begin,
            Blobs(settings.data_dir),
            Links(key, settings.public_origin, settings.files_origin),
            new_id,
            FileLimits(
                settings.file_limit_bytes,
                settings.file_quota_bytes,
                timedelta(seconds=settings.file_link_seconds),
            ),
        ),
        "flags": FlagService(begin),
        "signer": signer,
        "audit": AuditService(begin, signer),
        "inbox": InboxService(
            begin,
            work,
            sealer,
            new_id,
            settings.endpoints_per_organisation,
            settings.tolerance_seconds,
            settings.max_attempts,
        ),
        "webhooks": EndpointService(
            begin,
            announcer,
            guard,
            sealer,
            new_id,
            settings.endpoints_per_organisation,
            timedelta(seconds=settings.rotation_seconds),
        ),
        "actions": ActionService(
            begin, work, budget(settings.actions_per_minute, MINUTE, "actions"), guard, settings.max_attempts
        ),
    }
    config = auth.AuthConfig(
        auth.Roles([auth.Role("user", 1), auth.Role("staff", 2)]),
        people.roles_of,
        auth.Sessions(sessions),
        auth.CsrfGuard(settings.public_origin),
        access_tokens=auth.AccessTokenAuth(
            access_tokens, lambda claims: people.is_live(claims.subject, claims.session_id)
        ),
        api_keys=auth.ApiKeyAuth(key_format, api_keys.authenticate),
        realm=NAME,
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        hasher.close()
        await sessions.aclose()
        await counters.aclose()
        await answers.close()
        await database.close()
        tracer.close()

    of_one = Router(
        "/organisations/{organisation_id:uuid}",
        route_handlers=[
            *organisations.OF_ONE,
            *invitations.OF_ONE,
            *projects.OF_ONE,
            *jobs.OF_ONE,
            *files.OF_ONE,
            *flags.OF_ONE,
            *keys.OF_ONE,
            *audit.OF_ONE,
            *webhooks.OF_ONE,
            *inbox.OF_ONE,
        ],
        dependencies={"access": Provide(access.allowed)},
    )
    of_operator = Router(
        "/",
        route_handlers=[*flags.OF_OPERATOR, *accounts.OF_OPERATOR],
        guards=[operator(settings.operator_token.get_secret_value())],
    )
    routes: list[ControllerRouterHandler] = [of_one, of_operator]
    routes += [*identity.ROUTES, *accounts.ROUTES, *invitations.ROUTES, *organisations.ROUTES]
    routes += [*audit.ROUTES, *files.ROUTES, *inbox.ROUTES]
    attempts = budget(settings.attempts_per_minute, MINUTE, "attempts")
    app = Litestar(
        # Bearers alone sign in here, which no site makes a browser send; who shows nothing is to hear 401.
        [Router(PREFIX, route_handlers=routes, opt={CSRF_EXEMPT: True}), *page_of("apps.api")],
        dependencies={name: Provide(_always(it), sync_to_thread=False) for name, it in provided.items()},
        plugins=[AuthPlugin(config)],
        guards=[OriginGuard(settings.files_origin), limits.AddressGuard(clients, attempts)],
        exception_handlers={ReplayedError: replayed},
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(title="Capstone", version="1"),
    )
    plumbing = install(
        app,
        settings,
        readiness={"postgresql": database.ping},
        errors=error_table(),
        client_of=clients.address,
        own_bodies=[f"{PREFIX}{template(files.UPLOADS)}"],
    )
    asked = Traced(plumbing, tracer) if settings.otel_exporter_otlp_endpoint else plumbing
    return Cors(asked, [settings.public_origin, *settings.origins()])


def _budget(counters: AsyncRedisStorage, limit: int, window_seconds: int, name: str) -> limits.LimiterBudget:
    return limits.LimiterBudget(AsyncLimiter(counters, Policy(limit, window_seconds, name)))


def _always(value: object) -> Callable[[], object]:
    return lambda: value
