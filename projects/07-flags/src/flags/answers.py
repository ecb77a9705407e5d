"""What the domain says, as answers: one function for each kind of them."""

from collections.abc import Mapping
from datetime import UTC

from pydantic import JsonValue

from flags.explaining import Difference, Explanation
from flags.history import AuditEntry, ScheduledChange
from flags.keys import ApiKey
from flags.management import Changed
from flags.schemas import (
    AuditAnswer,
    DifferenceAnswer,
    ExplainAnswer,
    FlagAnswer,
    KeyAnswer,
    ScheduledAnswer,
    SegmentAnswer,
    Served,
)


def members_of(document: JsonValue) -> dict[str, JsonValue]:
    return document if isinstance(document, dict) else {}


def flag_answer(changed: Changed) -> FlagAnswer:
    return FlagAnswer.model_validate(members_of(changed.document) | {"version": changed.version})


def segment_answer(changed: Changed) -> SegmentAnswer:
    return SegmentAnswer.model_validate(members_of(changed.document) | {"version": changed.version})


def key_answer(key: ApiKey) -> KeyAnswer:
    return KeyAnswer(id=key.id, name=key.name, kind=key.kind, revoked=key.revoked)


def audit_answer(entry: AuditEntry) -> AuditAnswer:
    return AuditAnswer(
        version=entry.version,
        at=entry.at.astimezone(UTC),
        actor=entry.actor,
        action=entry.action,
        kind=entry.ref.kind,
        key=entry.ref.key,
        before=shown(entry.before),
        after=shown(entry.after),
        note=entry.note,
    )


def shown(document: JsonValue) -> JsonValue:
    """Leave the hash of a key out: streams are signed with it."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name != "sha256"}


def served(members: Mapping[str, object]) -> Served:
    return Served.model_validate(
        {
            "value": members.get("value"),
            "variant": members.get("variant"),
            "reason": members.get("reason"),
            "error_code": members.get("errorCode"),
        }
    )


def difference_answer(difference: Difference, contexts: list[dict[str, JsonValue]]) -> DifferenceAnswer:
    return DifferenceAnswer(
        index=difference.index,
        targeting_key=contexts[difference.index].get("targetingKey"),
        before=served(difference.before.members()),
        after=served(difference.after.members()),
    )


def explain_answer(explanation: Explanation) -> ExplainAnswer:
    outcome, entry = explanation.outcome, explanation.changed_by
    return ExplainAnswer(
        flag=outcome.flag,
        version=explanation.version,
        at=explanation.moment.astimezone(UTC),
        served=served(outcome.members()),
        rule=outcome.rule or None,
        prerequisite=outcome.needs or None,
        buckets=dict(explanation.buckets) if explanation.buckets is not None else None,
        changed_by=audit_answer(entry) if entry is not None else None,
    )


def scheduled_answer(change: ScheduledChange) -> ScheduledAnswer:
    return ScheduledAnswer(
        id=change.id,
        flag=change.flag,
        at=change.at.astimezone(UTC),
        base_version=change.base_version,
        change=change.change,
        actor=change.actor,
        state=change.state,
        detail=change.detail,
    )
