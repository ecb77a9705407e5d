"""What administrators do with flags, over HTTP: it translates, and decides nothing."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from litestar import Request, Response, delete, get, patch, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from pydantic import BaseModel

from flags.answers import (
    difference_answer,
    flag_answer,
    scheduled_answer,
)
from flags.documents import Flag, FlagFields
from flags.errors import NotFoundError, StoreUnavailableError
from flags.explaining import Explaining
from flags.guards import lines_of
from flags.kill_switch import KillSwitch
from flags.management import Changed, Expected, Management
from flags.preconditions import entity_tag, expected_by
from flags.ruleset import FLAG, Ref
from flags.scheduling import Scheduling
from flags.schemas import (
    DocumentChange,
    DryRun,
    DryRunAnswer,
    FlagAnswer,
    FlagsAnswer,
    KillAnswer,
    NewScheduledChange,
    ScheduledAnswer,
    ScheduledsAnswer,
    UsageAnswer,
)
from flags.shared import Shared

SHOWN_DIFFERENCES: Final = 100

# Without `type`: Litestar reads what an annotation is made of.
Manager = NamedDependency[Management]
Planned = NamedDependency[Scheduling]
Switch = NamedDependency[KillSwitch]
Past = NamedDependency[Explaining]
Redis = NamedDependency[Shared]
Asked = Request[None, str, State]


def expected(request: Asked) -> Expected:
    return expected_by(lines_of(request.scope["headers"], b"if-match"))


def tagged[A: BaseModel](answer: A, version: int, status: int = 200) -> Response[A]:
    return Response(answer, status_code=status, headers={"etag": entity_tag(version)})


@post("/flags")
async def create_flag(
    data: JSONBody[FlagFields], request: Asked, management: Manager
) -> Response[FlagAnswer]:
    """Make a flag. It is on every process within a second."""
    made = await management.create_flag(request.auth, data)
    return tagged(flag_answer(made), made.version, 201)


@get("/flags")
async def list_flags(management: Manager) -> FlagsAnswer:
    """List all flags, by key; archived ones too."""
    stored = await management.stored(FLAG)
    return FlagsAnswer(items=[flag_answer(Changed(one.version, one.document)) for one in stored.values()])


@get("/flags/{key:str}")
async def show_flag(key: FromPath[str], management: Manager) -> Response[FlagAnswer]:
    """Show a flag, with the ETag that a change needs."""
    stored = await management.find(Ref(FLAG, key))
    return tagged(flag_answer(Changed(stored.version, stored.document)), stored.version)


@patch("/flags/{key:str}")
async def change_flag(
    key: FromPath[str], data: JSONBody[DocumentChange], request: Asked, management: Manager
) -> Response[FlagAnswer]:
    """Change members of a flag, for who has seen it as it is: If-Match."""
    made = await management.change_flag(request.auth, key, data.members, expected(request))
    return tagged(flag_answer(made), made.version)


@delete("/flags/{key:str}", status_code=200)
async def archive_flag(key: FromPath[str], request: Asked, management: Manager) -> Response[FlagAnswer]:
    """Archive a flag: it is not evaluated any more, and its key stays taken."""
    made = await management.archive_flag(request.auth, key, expected(request))
    return tagged(flag_answer(made), made.version)


@put("/flags/{key:str}/kill")
async def kill_flag(key: FromPath[str], request: Asked, kill_switch: Switch) -> Response[KillAnswer]:
    """Turn a flag off past all targeting: without If-Match, and also while PostgreSQL is away (202)."""
    made = await kill_switch.kill(request.auth, key)
    if made is None:
        return Response(KillAnswer(key=key, killed=True, audit="pending"), status_code=202)
    return tagged(KillAnswer(key=key, killed=True, audit="recorded"), made.version)


@delete("/flags/{key:str}/kill", status_code=200)
async def lift_kill(key: FromPath[str], request: Asked, kill_switch: Switch) -> Response[KillAnswer]:
    """Serve a flag again as its rules have it."""
    made = await kill_switch.lift(request.auth, key, expected(request))
    return tagged(KillAnswer(key=key, killed=False, audit="recorded"), made.version)


@post("/flags/{key:str}/dry-run", status_code=200)
async def dry_run(key: FromPath[str], data: JSONBody[DryRun], explaining: Past) -> DryRunAnswer:
    """Tell whose value a change would change; it is not made."""
    found = await explaining.differences(key, data.change, data.contexts)
    items = [difference_answer(one, data.contexts) for one in found[:SHOWN_DIFFERENCES]]
    return DryRunAnswer(total=len(data.contexts), changed=len(found), items=items)


@post("/flags/{key:str}/scheduled-changes")
async def schedule(
    key: FromPath[str], data: JSONBody[NewScheduledChange], request: Asked, scheduling: Planned
) -> ScheduledAnswer:
    """Prepare a change. It is not made if the flag has changed by then."""
    prepared = await scheduling.schedule(request.auth, key, data.at, data.change, expected(request))
    return scheduled_answer(prepared)


@get("/flags/{key:str}/scheduled-changes")
async def list_scheduled(key: FromPath[str], management: Manager, scheduling: Planned) -> ScheduledsAnswer:
    """List prepared changes, and how they went."""
    await management.find(Ref(FLAG, key))
    return ScheduledsAnswer(items=[scheduled_answer(one) for one in await scheduling.scheduled(key)])


@delete("/scheduled-changes/{change_id:str}", status_code=204)
async def cancel_scheduled(change_id: FromPath[str], scheduling: Planned) -> None:
    """Cancel a change that is not made yet."""
    with suppress(ValueError):
        if str(UUID(change_id)) == change_id:
            await scheduling.cancel_scheduled(UUID(change_id))
            return
    raise NotFoundError("scheduled change")


@get("/flags/{key:str}/usage")
async def usage(key: FromPath[str], management: Manager, shared: Redis) -> UsageAnswer:
    """Tell how often each variant was served: some of it may be lost."""
    stored = await management.find(Ref(FLAG, key))
    found = await shared.usage(key, sorted(Flag.model_validate(stored.document).variants))
    if found is None:
        raise StoreUnavailableError("Redis")
    counts, last = found
    moment = datetime.fromtimestamp(last, UTC) if last is not None else None
    return UsageAnswer(last_evaluated_at=moment, counts=counts)


FLAGS: Final = [
    create_flag,
    list_flags,
    show_flag,
    change_flag,
    archive_flag,
    kill_flag,
    lift_kill,
    dry_run,
    schedule,
    list_scheduled,
    cancel_scheduled,
    usage,
]
