"""Webhooks that come in, over HTTP: where senders post, sources and the inbox."""

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, Parameter

from apps.api.access import Allowed, needs
from apps.api.answers import (
    AcknowledgedAnswer,
    AttemptAnswer,
    InboxAnswer,
    ReceivedAnswer,
    ReceivedWithPayload,
    SourceAnswer,
    SourcesAnswer,
)
from apps.api.schemas import NewSource, SourceChanges
from auth.litestar import AuthRequest
from core.inbox.domain import Received, Source, WantedSource
from core.inbox.service import InboxService
from core.tenancy.domain import Permission

Inbox = NamedDependency[InboxService]
Limit = Annotated[int, Parameter(ge=1, le=100)]
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


def source_answer(source: Source) -> SourceAnswer:
    return SourceAnswer.model_validate(source, from_attributes=True)


def received_answer(received: Received) -> ReceivedAnswer:
    return ReceivedAnswer.model_validate(received, from_attributes=True)


@post("/hooks/{source_id:uuid}", status_code=202)
async def take(request: AuthRequest, source_id: FromPath[UUID], inbox: Inbox) -> Response[AcknowledgedAnswer]:
    """Take a webhook in, if it is by the source's secret: 202 if it is new, 200 if it is known."""
    headers = {name: request.headers.getall(name, []) for name in SIGNED}
    taken = await inbox.take(source_id, headers, await request.body())
    answer = AcknowledgedAnswer(id=taken.id, is_new=taken.is_new)
    return Response(answer, status_code=202 if taken.is_new else 200)


@post("/sources", opt=needs(Permission.CHANGE_WEBHOOKS))
async def create(access: Allowed, data: JSONBody[NewSource], inbox: Inbox) -> SourceAnswer:
    """Make a source; without a secret nothing is believed yet."""
    secret = None if data.secret is None else data.secret.get_secret_value()
    return source_answer(await inbox.create(access, WantedSource(data.name, data.key_pointer), secret))


@get("/sources", opt=needs(Permission.READ_WEBHOOKS))
async def sources(access: Allowed, inbox: Inbox) -> SourcesAnswer:
    """List sources, the newest first."""
    return SourcesAnswer(items=[source_answer(one) for one in await inbox.listing(access)])


@patch("/sources/{source_id:uuid}", opt=needs(Permission.CHANGE_WEBHOOKS))
async def change(
    access: Allowed, source_id: FromPath[UUID], data: JSONBody[SourceChanges], inbox: Inbox
) -> SourceAnswer:
    """Change a source, or give it its secret."""

    def changed(source: Source) -> WantedSource:
        return WantedSource(
            source.name if data.name is None else data.name,
            source.key_pointer if data.key_pointer is None else data.key_pointer,
        )

    secret = None if data.secret is None else data.secret.get_secret_value()
    return source_answer(await inbox.change(access, source_id, changed, secret))


@delete("/sources/{source_id:uuid}", opt=needs(Permission.CHANGE_WEBHOOKS))
async def remove(access: Allowed, source_id: FromPath[UUID], inbox: Inbox) -> None:
    """Remove a source, with what has come from it."""
    await inbox.remove(access, source_id)


@get("/inbox", opt=needs(Permission.READ_WEBHOOKS))
async def listing(
    access: Allowed,
    inbox: Inbox,
    source_id: FromQuery[UUID | None] = None,
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> InboxAnswer:
    """List what has come in, the newest first."""
    found = await inbox.page(access, source_id, cursor, limit)
    shown = found[:limit]
    return InboxAnswer(
        items=[received_answer(one) for one in shown],
        next_cursor=shown[-1].id if len(found) > limit else None,
    )


@get("/inbox/{inbox_id:uuid}", opt=needs(Permission.READ_WEBHOOKS))
async def show(access: Allowed, inbox_id: FromPath[UUID], inbox: Inbox) -> ReceivedWithPayload:
    """Show an event, its text as it came, and the attempts of its job."""
    found, tried = await inbox.find(access, inbox_id)
    attempts = [AttemptAnswer.model_validate(one, from_attributes=True) for one in tried]
    return ReceivedWithPayload(
        **received_answer(found).model_dump(), payload=found.body.decode(), attempts=attempts
    )


@post("/inbox/{inbox_id:uuid}/replay", status_code=202, opt=needs(Permission.CHANGE_WEBHOOKS))
async def replay(access: Allowed, inbox_id: FromPath[UUID], inbox: Inbox) -> ReceivedAnswer:
    """Have an event handled again."""
    return received_answer(await inbox.replay(access, inbox_id))


ROUTES = [take]
OF_ONE = [create, sources, change, remove, listing, show, replay]
