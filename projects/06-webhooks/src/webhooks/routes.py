"""The management API: it translates, and decides nothing."""

import base64
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, override
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from service_kit import idempotency_key
from service_kit.problems import ProblemError, of_status
from webhooks.answers import (
    ConflictsAnswer,
    EventsAnswer,
    MadeSourceAnswer,
    QuarantineAnswer,
    ReplayAnswer,
    ReverifyAnswer,
    ShownSecretAnswer,
    SourceAnswer,
    SourcesAnswer,
    conflict_answer,
    made_source,
    shown_secret,
    source_answer,
)
from webhooks.domain import EventDetails, EventState, Kept
from webhooks.events import Events, Selection
from webhooks.management import Management
from webhooks.quarantine import Quarantine
from webhooks.receiving import Receiver
from webhooks.schemas import (
    NAME,
    ChangeBody,
    ExpiryBody,
    NewSecretBody,
    NewSourceBody,
    ReplayBody,
    ReverifyBody,
)
from webhooks.sources import Sources

if TYPE_CHECKING:
    from service_kit.bearer import Operator

PREFIX = "/api/v1"


class OperatorRoute(APIRoute):
    """Asks for the operator's token, before a body is read."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[None, None, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            operator: Operator = request.app.state.operator
            operator.check(request.headers.getlist("authorization"))
            return await handle(request)

        return guarded


# It only describes: by then the token has been looked at.
described = HTTPBearer(auto_error=False, scheme_name="operator", description="OPERATOR_TOKEN")
api = APIRouter(prefix=PREFIX, route_class=OperatorRoute, dependencies=[Depends(described)])


def id_of(text: str, what: str) -> UUID:
    """Read an id as it was given out. All else, also another spelling of it, is the id of nothing."""
    with suppress(ValueError):
        known = UUID(text)
        if str(known) == text:
            return known
    raise ProblemError(of_status(HTTPStatus.NOT_FOUND, f"There is no {what} with this id."))


def event_id_of(event_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    return id_of(event_id, "event")


def secret_id_of(secret_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    return id_of(secret_id, "secret")


def idempotency_key_of(
    request: Request,
    _key: Annotated[
        str | None, Header(alias="Idempotency-Key", json_schema_extra={"pattern": idempotency_key.PATTERN})
    ] = None,
) -> str | None:
    return idempotency_key.idempotency_key(request.headers.getlist("idempotency-key"))


def sources_of(request: Request) -> Sources:
    sources: Sources = request.app.state.sources
    return sources


def management_of(request: Request) -> Management:
    management: Management = request.app.state.management
    return management


def events_of(request: Request) -> Events:
    events: Events = request.app.state.events
    return events


def quarantine_of(request: Request) -> Quarantine:
    quarantine: Quarantine = request.app.state.quarantine
    return quarantine


def receiver_of(request: Request) -> Receiver:
    receiver: Receiver = request.app.state.receiver
    return receiver


type InSources = Annotated[Sources, Depends(sources_of)]
type InManagement = Annotated[Management, Depends(management_of)]
type InEvents = Annotated[Events, Depends(events_of)]
type InQuarantine = Annotated[Quarantine, Depends(quarantine_of)]
type InReceiver = Annotated[Receiver, Depends(receiver_of)]
type EventId = Annotated[UUID, Depends(event_id_of)]
type SecretId = Annotated[UUID, Depends(secret_id_of)]
type IdempotencyKey = Annotated[str | None, Depends(idempotency_key_of)]
type Limit = Annotated[int, Query(ge=1, le=100)]


@api.post("/sources", status_code=HTTPStatus.CREATED)
async def make(body: NewSourceBody, management: InManagement, response: Response) -> MadeSourceAnswer:
    """Make a source. Its two secrets are shown in this answer, and never again."""
    made = await management.make(body.wanted())
    response.headers["Location"] = f"{PREFIX}/sources/{made.known.source.name}"
    return made_source(made)


@api.get("/sources")
async def list_sources(sources: InSources) -> SourcesAnswer:
    """List all sources."""
    return SourcesAnswer(items=list(map(source_answer, await sources.all())))


@api.get("/sources/{name}")
async def show_source(name: str, sources: InSources) -> SourceAnswer:
    """Show a source and its secrets, by their fingerprints."""
    return source_answer(await sources.get(name))


@api.patch("/sources/{name}")
async def change(name: str, body: ChangeBody, management: InManagement) -> SourceAnswer:
    """Pause, resume or retire a source, or send its events elsewhere."""
    return source_answer(await management.change(name, body.state, body.destination))


@api.post("/sources/{name}/secrets", status_code=HTTPStatus.CREATED)
async def add_secret(name: str, body: NewSecretBody, management: InManagement) -> ShownSecretAnswer:
    """Add a secret beside those that count. It is shown in this answer, and never again."""
    return shown_secret(await management.add_secret(name, body.secret, body.not_after))


@api.patch("/sources/{name}/secrets/{secret_id}")
async def expire_secret(
    name: str, secret_id: SecretId, body: ExpiryBody, management: InManagement
) -> SourceAnswer:
    """Say from when on a secret counts no more."""
    return source_answer(await management.expire_secret(name, secret_id, body.not_after))


@api.get("/events")
async def list_events(
    events: InEvents,
    source: Annotated[str | None, Query(pattern=NAME)] = None,
    state: EventState | None = None,
    limit: Limit = 20,
    cursor: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]$")] = None,
) -> EventsAnswer:
    """List events, newest first; `next_cursor` leads to the next part."""
    before = None if cursor is None else UUID(bytes=base64.urlsafe_b64decode(f"{cursor}=="))
    found = await events.newest(source, state, limit + 1, before)
    following = encode_cursor(found[limit - 1].id) if len(found) > limit else None
    return EventsAnswer(items=found[:limit], next_cursor=following)


def encode_cursor(event_id: UUID) -> str:
    """Return the place in a list after this event, in a form that promises nothing about itself."""
    return base64.urlsafe_b64encode(event_id.bytes).rstrip(b"=").decode("ascii")


@api.get("/events/{event_id}")
async def show_event(event_id: EventId, events: InEvents) -> EventDetails:
    """Show an event and the attempts to forward it."""
    event = await events.get(event_id)
    return EventDetails(**asdict(event), attempts=await events.attempts(event_id))


@api.get("/events/{event_id}/conflicts")
async def show_conflicts(event_id: EventId, events: InEvents) -> ConflictsAnswer:
    """Show the other bodies that came under the key of this event."""
    return ConflictsAnswer(items=list(map(conflict_answer, await events.conflicts(event_id))))


@api.get(
    "/events/{event_id}/payload",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {"application/octet-stream": {}}}},
)
async def show_payload(event_id: EventId, events: InEvents) -> Response:
    """Return the bytes as they came, and as no type that a browser would show."""
    _, body = await events.payload(event_id)
    headers = {"Content-Disposition": "attachment"}
    return Response(body, headers=headers, media_type="application/octet-stream")


@api.post("/events/{event_id}/replay", status_code=HTTPStatus.ACCEPTED)
async def replay(event_id: EventId, events: InEvents, key: IdempotencyKey) -> ReplayAnswer:
    """Forward an event again that is over, as a new round with all its attempts."""
    return replay_answer(await events.replay(Selection(id=event_id), key))


@api.post("/replays", status_code=HTTPStatus.ACCEPTED)
async def replay_many(body: ReplayBody, events: InEvents, key: IdempotencyKey) -> ReplayAnswer:
    """Forward all events again that fit, and are over."""
    return replay_answer(await events.replay(body.selection(), key))


def replay_answer(ids: list[UUID]) -> ReplayAnswer:
    return ReplayAnswer(count=len(ids), event_ids=ids)


@api.get("/quarantine")
async def show_quarantine(
    quarantine: InQuarantine, sources: InSources, source: str | None = None
) -> QuarantineAnswer:
    """List what is kept of rejected deliveries, with the causes that were found."""
    if source is not None:
        await sources.get(source)
    return QuarantineAnswer(items=await quarantine.listed(source))


@api.post("/quarantine/reverify")
async def reverify(body: ReverifyBody, sources: InSources, receiver: InReceiver) -> ReverifyAnswer:
    """Admit what verifies by now, as of the time of its receipt."""
    counts = await receiver.reverify(await sources.get(body.source))
    return ReverifyAnswer(admitted=counts[Kept.NEW], known=counts[Kept.DUPLICATE] + counts[Kept.CONFLICT])
