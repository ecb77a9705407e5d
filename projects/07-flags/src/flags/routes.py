"""The management API, with the routes of flags beside these: it translates, and decides nothing."""

from typing import Annotated, Final

from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter

from flags.answers import audit_answer, explain_answer, key_answer, segment_answer
from flags.documents import SegmentFields
from flags.flag_routes import FLAGS, Asked, Manager, Past, expected, tagged
from flags.guards import administrator
from flags.keys import KeyFields
from flags.management import Changed
from flags.ruleset import FLAG, SEGMENT, Ref
from flags.schemas import (
    AuditsAnswer,
    DocumentChange,
    ExplainAnswer,
    ExplainRequest,
    KeysAnswer,
    NewKeyAnswer,
    SegmentAnswer,
    SegmentsAnswer,
)

PREFIX: Final = "/api/v1"

Limit = Annotated[int, QueryParameter(ge=1, le=100)]
Before = Annotated[int | None, QueryParameter(ge=1, le=2**53)]
OfFlag = Annotated[str | None, QueryParameter(max_length=100)]


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
        *FLAGS,
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
