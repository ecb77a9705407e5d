"""The audit trail over HTTP."""

import json
from dataclasses import asdict
from typing import Annotated, Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, Parameter
from litestar.response import Stream

from apps.api.access import Allowed, needs
from apps.api.answers import (
    AuditEntriesAnswer,
    AuditEntryAnswer,
    AuditKeyAnswer,
    AuditVerdictAnswer,
    CheckpointAnswer,
)
from core.audit.checkpoints import Signer
from core.audit.domain import Broken, Entry
from core.audit.service import AuditService
from core.tenancy.domain import Permission

Audit = NamedDependency[AuditService]
AuditSigner = NamedDependency[Signer]
Limit = Annotated[int, Parameter(ge=1, le=100)]
Seq = Annotated[int, Parameter(ge=1)]
NDJSON: Final = "application/x-ndjson"


def entry_answer(entry: Entry) -> AuditEntryAnswer:
    """Show what the bytes say; what somebody has spoiled is shown with its number alone."""
    try:
        said = json.loads(entry.text)
        return AuditEntryAnswer.model_validate({**said, "seq": entry.seq, "hash": entry.hash.hex()})
    except (ValueError, TypeError):
        return AuditEntryAnswer(seq=entry.seq, hash=entry.hash.hex())


@get("/audit", opt=needs(Permission.READ_AUDIT))
async def listing(
    access: Allowed, audit: Audit, cursor: FromQuery[Seq | None] = None, limit: FromQuery[Limit] = 20
) -> AuditEntriesAnswer:
    """List who has changed what and when, the newest first."""
    found = await audit.page(access, cursor, limit)
    shown = found[:limit]
    return AuditEntriesAnswer(
        items=[entry_answer(one) for one in shown],
        next_cursor=shown[-1].seq if len(found) > limit else None,
    )


@get("/audit/checkpoint", opt=needs(Permission.READ_AUDIT))
async def checkpoint(access: Allowed, audit: Audit) -> CheckpointAnswer:
    """Sign where the trail ends now: who keeps it can show later that the trail was cut or put back."""
    return CheckpointAnswer.model_validate(asdict(await audit.checkpoint(access)))


@get("/audit/verify", opt=needs(Permission.READ_AUDIT))
async def verify(access: Allowed, audit: Audit) -> AuditVerdictAnswer:
    """Follow the chain from its begin, and name the first number at which it does not hold."""
    match await audit.verify(access):
        case Broken(seq, reason):
            return AuditVerdictAnswer(is_intact=False, entries=seq - 1, first_bad=seq, reason=reason)
        case tail:
            return AuditVerdictAnswer(is_intact=True, entries=tail.seq, head=tail.head.hex())


@get("/audit/export", opt=needs(Permission.READ_AUDIT), media_type=NDJSON)
async def export(access: Allowed, audit: Audit) -> Stream:
    """Hand the whole trail over, an entry on each line and a checkpoint on the last."""
    signed = await audit.checkpoint(access)
    return Stream(audit.export(access, signed), media_type=NDJSON)


@get("/audit/key")
async def key(signer: AuditSigner) -> AuditKeyAnswer:
    """Show the key by which checkpoints are verified. Keep it: who asks anew asks whom they check."""
    return AuditKeyAnswer(public_key=signer.public_key)


ROUTES = [key]
OF_ONE = [listing, checkpoint, verify, export]
