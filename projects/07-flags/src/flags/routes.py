"""The management API: it translates, and decides nothing."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from pydantic import BaseModel

from flags.documents import Flag, FlagFields, SegmentFields
from flags.errors import NotFoundError, StoreUnavailableError
from flags.explaining import Explaining
from flags.guards import administrator, lines_of
from flags.keys import KeyFields
from flags.kill_switch import KillSwitch
from flags.management import Changed, Expected, Management
from flags.preconditions import entity_tag, expected_by
from flags.ruleset import FLAG, SEGMENT, Ref
from flags.schemas import (
    AuditsAnswer,
    DocumentChange,
    DryRun,
    DryRunAnswer,
    ExplainAnswer,
    ExplainRequest,
    FlagAnswer,
    FlagsAnswer,
    KeysAnswer,
    KillAnswer,
    NewKeyAnswer,
    NewScheduledChange,
    ScheduledAnswer,
    ScheduledsAnswer,
    SegmentAnswer,
    SegmentsAnswer,
    UsageAnswer,
    audit_answer,
    difference_answer,
    explain_answer,
    flag_answer,
    key_answer,
    scheduled_answer,
    segment_answer,
)
from flags.shared import Shared

PREFIX: Final = "/api/v1"
SHOWN_DIFFERENCES: Final = 100

# Without `type`: Litestar reads what an annotation is made of.
Manager = NamedDependency[Management]
Switch = NamedDependency[KillSwitch]
Past = NamedDependency[Explaining]
Redis = NamedDependency[Shared]
Asked = Request[None, str, State]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
Before = Annotated[int | None, QueryParameter(ge=1, le=2**53)]
OfFlag = Annotated[str | None, QueryParameter(max_length=100)]


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
    key: FromPath[str], data: JSONBody[NewScheduledChange], request: Asked, management: Manager
) -> ScheduledAnswer:
    """Prepare a change. It is not made if the flag has changed by then."""
    prepared = await management.schedule(request.auth, key, data.at, data.change, expected(request))
    return scheduled_answer(prepared)


@get("/flags/{key:str}/scheduled-changes")
async def list_scheduled(key: FromPath[str], management: Manager) -> ScheduledsAnswer:
    """List prepared changes, and how they went."""
    await management.find(Ref(FLAG, key))
    return ScheduledsAnswer(items=[scheduled_answer(one) for one in await management.scheduled(key)])


@delete("/scheduled-changes/{change_id:str}", status_code=204)
async def cancel_scheduled(change_id: FromPath[str], management: Manager) -> None:
    """Cancel a change that is not made yet."""
    with suppress(ValueError):
        if str(UUID(change_id)) == change_id:
            await management.cancel_scheduled(UUID(change_id))
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


@post("/segments")
async def create_segment(
    data: JSONBody[SegmentFields], request: Asked, management: Manager
) -> Response[SegmentAnswer]:
    """Make a segment."""
    made = await management.create_segment(request.auth, data)
    return tagged(segment_answer(made), made.version, 201)


@get("/segments")
async def list_segments(management: Manager) -> SegmentsAnswer:
    """List all segments, by key."""
    stored = await management.stored(SEGMENT)
    items = [segment_answer(Changed(one.version, one.document)) for one in stored.values()]
    return SegmentsAnswer(items=items)


@get("/segments/{key:str}")
async def show_segment(key: FromPath[str], management: Manager) -> Response[SegmentAnswer]:
    """Show a segment, with the ETag that a change needs."""
    stored = await management.find(Ref(SEGMENT, key))
    return tagged(segment_answer(Changed(stored.version, stored.document)), stored.version)


@patch("/segments/{key:str}")
async def change_segment(
    key: FromPath[str], data: JSONBody[DocumentChange], request: Asked, management: Manager
) -> Response[SegmentAnswer]:
    """Change members of a segment."""
    made = await management.change_segment(request.auth, key, data.members, expected(request))
    return tagged(segment_answer(made), made.version)


@delete("/segments/{key:str}", status_code=200)
async def archive_segment(key: FromPath[str], request: Asked, management: Manager) -> Response[SegmentAnswer]:
    """Archive a segment that no flag asks for."""
    made = await management.archive_segment(request.auth, key, expected(request))
    return tagged(segment_answer(made), made.version)


@post("/keys")
async def create_key(data: JSONBody[KeyFields], request: Asked, management: Manager) -> NewKeyAnswer:
    """Make a key for an application. Its secret is shown this once."""
    key, secret = await management.create_key(request.auth, data)
    return NewKeyAnswer(id=key.id, name=key.name, kind=key.kind, revoked=False, secret=secret)


@get("/keys")
async def list_keys(management: Manager) -> KeysAnswer:
    """List all keys, without their secrets."""
    return KeysAnswer(items=[key_answer(key) for key in await management.keys()])


@delete("/keys/{key_id:str}", status_code=204)
async def revoke_key(key_id: FromPath[str], request: Asked, management: Manager) -> None:
    """Revoke a key: at once, and so without If-Match."""
    await management.revoke_key(request.auth, key_id)


@get("/audit")
async def audit(
    management: Manager, limit: Limit = 20, before: Before = None, flag: OfFlag = None
) -> AuditsAnswer:
    """List changes, the newest first, of everything or of one flag."""
    ref = Ref(FLAG, flag) if flag is not None else None
    entries = await management.audit(limit + 1, before, ref)
    shown = entries[:limit]
    more = shown[-1].version if len(entries) > limit else None
    return AuditsAnswer(items=[audit_answer(entry) for entry in shown], next_before=more)


@post("/explain", status_code=200)
async def explain(data: JSONBody[ExplainRequest], explaining: Past) -> ExplainAnswer:
    """Tell what a flag said then, and why: the rule, the bucket, and the change that made it say so."""
    return explain_answer(await explaining.explain(data.flag, data.context, data.at, data.version))


API: Final = Router(
    PREFIX,
    guards=[administrator],
    route_handlers=[
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
        create_segment,
        list_segments,
        show_segment,
        change_segment,
        archive_segment,
        create_key,
        list_keys,
        revoke_key,
        audit,
        explain,
    ],
)
