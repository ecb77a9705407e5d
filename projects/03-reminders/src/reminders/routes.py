"""The HTTP surface: it translates, and decides nothing."""

import re
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from reminders.domain import Details, State
from reminders.schemas import (
    Cursor,
    DetailsAnswer,
    NewReminder,
    PageAnswer,
    Revision,
    details_answer,
    page_answer,
)
from reminders.service import ReminderService, Versions
from service_kit import idempotency_key
from service_kit.problems import ProblemError, of_status

PREFIX = "/api/v1"
ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')

api = APIRouter(prefix=PREFIX)


def service_of(request: Request) -> ReminderService:
    service: ReminderService = request.app.state.service
    return service


def reminder_id_of(reminder_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    """Read an id as it was given out. All else, also another spelling of it, is the id of no reminder."""
    with suppress(ValueError):
        known = UUID(reminder_id)
        if str(known) == reminder_id:
            return known
    raise ProblemError(of_status(HTTPStatus.NOT_FOUND, "There is no reminder with this id."))


def versions_of(if_match: Annotated[str | None, Header()] = None) -> Versions:
    """Return the versions that If-Match lists. Weak tags match none: RFC 9110, section 13.1.1."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = ENTITY_TAG.findall(if_match)
    return frozenset(int(tag[1:-1]) for tag in tags if re.fullmatch(r'"[0-9]{1,10}"', tag))


def required_versions_of(
    versions: Annotated[Versions, Depends(versions_of)], if_match: Annotated[str | None, Header()] = None
) -> Versions:
    if if_match is None:
        detail = "Send the ETag of the reminder, as you last read it, in If-Match."
        raise ProblemError(of_status(HTTPStatus.PRECONDITION_REQUIRED, detail))
    return versions


def idempotency_key_of(
    request: Request,
    _idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", json_schema_extra={"pattern": idempotency_key.PATTERN})
    ] = None,
) -> str | None:
    return idempotency_key.idempotency_key(request.headers.getlist("idempotency-key"))


type ReminderId = Annotated[UUID, Depends(reminder_id_of)]
type Service = Annotated[ReminderService, Depends(service_of)]
type IfMatch = Annotated[Versions, Depends(versions_of)]
type RequiredIfMatch = Annotated[Versions, Depends(required_versions_of)]
type IdempotencyKey = Annotated[str | None, Depends(idempotency_key_of)]
type Limit = Annotated[int, Query(ge=1, le=100)]


@api.post("/reminders", status_code=HTTPStatus.CREATED)
async def create(
    body: NewReminder, service: Service, response: Response, key: IdempotencyKey
) -> DetailsAnswer:
    """Make a reminder.

    A request that is sent again with the same Idempotency-Key gets the first answer again.
    """
    details = await service.schedule(body.draft(), key)
    response.headers["Location"] = f"{PREFIX}/reminders/{details.reminder.id}"
    if details.is_repeated:
        response.headers["Idempotency-Replayed"] = "true"
    return answer(details, response)


@api.get("/reminders")
async def list_newest(
    service: Service, state: State | None = None, limit: Limit = 20, cursor: Cursor | None = None
) -> PageAnswer:
    """List reminders, newest first; `next_cursor` leads to the next part."""
    return page_answer(await service.newest(state, limit, cursor))


@api.get("/reminders/{reminder_id}")
async def show(reminder_id: ReminderId, service: Service, response: Response) -> DetailsAnswer:
    """Show a reminder and the attempts to deliver it."""
    return answer(await service.show(reminder_id), response)


@api.patch("/reminders/{reminder_id}")
async def revise(
    reminder_id: ReminderId, body: Revision, service: Service, versions: RequiredIfMatch, response: Response
) -> DetailsAnswer:
    """Change a reminder that is still scheduled, if it has not changed since it was read."""
    return answer(await service.revise(reminder_id, body.changes(), versions), response)


@api.delete("/reminders/{reminder_id}", status_code=HTTPStatus.NO_CONTENT)
async def cancel(reminder_id: ReminderId, service: Service, versions: IfMatch) -> None:
    """Cancel a reminder: after a 204 it does not fire."""
    await service.cancel(reminder_id, versions)


@api.post("/reminders/{reminder_id}/replay")
async def replay(
    reminder_id: ReminderId, service: Service, versions: IfMatch, response: Response
) -> DetailsAnswer:
    """Deliver a dead reminder now, as a new occurrence with all its attempts."""
    return answer(await service.replay(reminder_id, versions), response)


def answer(details: Details, response: Response) -> DetailsAnswer:
    response.headers["ETag"] = f'"{details.reminder.version}"'
    return details_answer(details)
