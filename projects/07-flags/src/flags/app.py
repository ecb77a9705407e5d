"""All the wiring, and which error becomes which status."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final
from uuid import UUID

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from flags import errors
from flags.explaining import Explaining
from flags.kill_switch import KillSwitch
from flags.management import Management
from flags.node import Node
from flags.ofrep import Evaluation, EvaluationError
from flags.ofrep_routes import OFREP
from flags.ofrep_surface import OfrepSurface
from flags.repository import Reader, unit_of_work
from flags.routes import API
from flags.scheduling import Scheduling
from flags.settings import Settings
from flags.shared import Shared
from flags.snapshots import SnapshotFile
from flags.spreading import Spreading
from flags.streams import Streams, StreamTokens
from flags.usage import Usage
from service_kit.database import Database
from service_kit.litestar import install
from service_kit.litestar_page import page_of
from service_kit.problems import ErrorRule, FieldError, Problem, body_error, on
from service_kit.request_id import uuid7
from service_kit.stop import is_stopping

STOP_POLL_SECONDS: Final = 0.1


def create_app(settings: Settings) -> OfrepSurface:
    """Put the service together; nothing is connected to yet."""
    database = Database(
        str(settings.database_url), "flags", errors.StoreUnavailableError, tables=("ruleset", "documents")
    )
    begin, reader = partial(unit_of_work, database), Reader(database)
    node, shared = Node(), Shared(str(settings.redis_url))
    spreading = Spreading(node, reader, shared, SnapshotFile(settings.data_dir))
    management = Management(begin, reader, spreading, new_id)
    scheduling = Scheduling(begin, reader, spreading, new_id)
    kill_switch = KillSwitch(begin, node, shared, spreading, new_id)
    usage, tokens = Usage(shared), StreamTokens(settings.stream_token_seconds)
    evaluation = Evaluation(node, spreading, usage, tokens)
    streams = Streams(node, spreading, tokens, settings.heartbeat_seconds)

    async def chore(is_due: bool) -> None:  # noqa: FBT001 - the watch of the database calls it
        await kill_switch.reconcile_all()
        if is_due:
            await scheduling.make_due_changes()

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await spreading.start(chore)
        usage.start()
        stopping = asyncio.create_task(end_streams(node))
        yield
        stopping.cancel()
        with suppress(asyncio.CancelledError):
            await stopping
        await usage.stop()
        await spreading.stop()
        await shared.close()
        await database.close()

    async def has_ruleset() -> None:
        if node.ruleset is None:
            raise errors.UnavailableError

    services = {
        "management": management,
        "scheduling": scheduling,
        "kill_switch": kill_switch,
        "explaining": Explaining(reader),
        "shared": shared,
        "evaluation": evaluation,
        "streams": streams,
    }
    app = Litestar(
        [API, OFREP, *page_of("flags")],
        dependencies={name: provided(service) for name, service in services.items()},
        lifespan=[lifespan],
        state=State({"admins": settings.admins}),
        openapi_config=OpenAPIConfig(title="Flags", version="1"),
    )
    installed = install(app, settings, readiness={"ruleset": has_ruleset}, errors=error_table())
    return OfrepSurface(installed, settings.allowed_origins)


def provided(service: object) -> Provide:
    return Provide(lambda: service, sync_to_thread=False)


def new_id() -> UUID:
    """Make an id that sorts by time."""
    return UUID(uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


async def end_streams(node: Node) -> None:
    """Have the streams end when the process shall stop: nothing else would end them."""
    while not is_stopping():  # noqa: ASYNC110 - a signal sets it, which knows no loop
        await asyncio.sleep(STOP_POLL_SECONDS)
    await node.stop()


def evaluation_problem(error: Exception) -> Problem:
    """Say what is wrong with one flag, which is no mistake of the service."""
    code = error.code.lower() if isinstance(error, EvaluationError) else "general"
    return Problem(400, code, "Bad Request", str(error))


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    retry = {"Retry-After": "1"}
    return [
        on(errors.UnauthorizedError, 401, "unauthorized", headers=lambda _: {"WWW-Authenticate": "Bearer"}),
        on(errors.NotFoundError, 404, "not_found"),
        on(errors.FlagNotFoundError, 404, "flag_not_found"),
        on(errors.InvalidContextError, 400, "invalid_context"),
        ErrorRule(EvaluationError, evaluation_problem),
        on(errors.ExistsError, 409, "exists"),
        on(errors.TypeFixedError, 409, "type_fixed"),
        on(errors.InUseError, 409, "in_use", extensions=lambda error: {"needed_by": list(error.users)}),
        on(errors.PreconditionFailedError, 412, "precondition_failed"),
        on(errors.PreconditionRequiredError, 428, "precondition_required"),
        on(
            errors.InvalidInputError,
            422,
            "invalid_input",
            errors=lambda error: [FieldError(one.code, one.detail, one.pointer) for one in error.mistakes],
        ),
        on(
            errors.InvalidDocumentError,
            422,
            "invalid_input",
            errors=lambda error: [body_error(one) for one in error.error.errors(include_url=False)],
        ),
        on(errors.UnavailableError, 503, "unavailable", headers=lambda _: retry),
        on(
            errors.StoreUnavailableError,
            503,
            "store_unavailable",
            detail=lambda _: "A store does not answer. Send the request again.",
            headers=lambda _: retry,
        ),
    ]
