"""Webhooks that go out, over HTTP: endpoints and deliveries."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, Parameter

from apps.api.access import Allowed, needs
from apps.api.answers import (
    AttemptAnswer,
    DeliveriesAnswer,
    DeliveryAnswer,
    DeliveryWithAttempts,
    EndpointAnswer,
    EndpointsAnswer,
    IssuedEndpointAnswer,
    RecoveredAnswer,
    SecretAnswer,
)
from apps.api.schemas import EndpointChanges, NewEndpoint
from core.jobs.domain import State
from core.tenancy.domain import Permission
from core.webhooks.domain import Delivery, Endpoint, Wanted
from core.webhooks.service import EndpointService

Webhooks = NamedDependency[EndpointService]
Limit = Annotated[int, Parameter(ge=1, le=100)]


def endpoint_answer(endpoint: Endpoint) -> EndpointAnswer:
    return EndpointAnswer.model_validate(endpoint, from_attributes=True)


def delivery_answer(delivery: Delivery) -> DeliveryAnswer:
    return DeliveryAnswer.model_validate(delivery, from_attributes=True)


@post("/endpoints", opt=needs(Permission.CHANGE_WEBHOOKS))
async def create(access: Allowed, data: JSONBody[NewEndpoint], webhooks: Webhooks) -> IssuedEndpointAnswer:
    """Make an endpoint, whose secret is shown this once."""
    wanted = Wanted(data.url, tuple(data.event_types), data.is_ordered)
    endpoint, secret = await webhooks.create(access, wanted)
    return IssuedEndpointAnswer(**endpoint_answer(endpoint).model_dump(), secret=secret)


@get("/endpoints", opt=needs(Permission.READ_WEBHOOKS))
async def listing(access: Allowed, webhooks: Webhooks) -> EndpointsAnswer:
    """List endpoints, the newest first."""
    return EndpointsAnswer(items=[endpoint_answer(one) for one in await webhooks.listing(access)])


@get("/endpoints/{endpoint_id:uuid}", opt=needs(Permission.READ_WEBHOOKS))
async def show(access: Allowed, endpoint_id: FromPath[UUID], webhooks: Webhooks) -> EndpointAnswer:
    """Show an endpoint."""
    return endpoint_answer(await webhooks.find(access, endpoint_id))


@patch("/endpoints/{endpoint_id:uuid}", opt=needs(Permission.CHANGE_WEBHOOKS))
async def change(
    access: Allowed, endpoint_id: FromPath[UUID], data: JSONBody[EndpointChanges], webhooks: Webhooks
) -> EndpointAnswer:
    """Change an endpoint."""

    def changed(endpoint: Endpoint) -> Wanted:
        return Wanted(
            endpoint.url if data.url is None else data.url,
            endpoint.event_types if data.event_types is None else tuple(data.event_types),
            endpoint.is_ordered if data.is_ordered is None else data.is_ordered,
        )

    return endpoint_answer(await webhooks.change(access, endpoint_id, changed))


@delete("/endpoints/{endpoint_id:uuid}", opt=needs(Permission.CHANGE_WEBHOOKS))
async def remove(access: Allowed, endpoint_id: FromPath[UUID], webhooks: Webhooks) -> None:
    """Remove an endpoint, with its deliveries."""
    await webhooks.remove(access, endpoint_id)


@post("/endpoints/{endpoint_id:uuid}/rotate-secret", status_code=200, opt=needs(Permission.CHANGE_WEBHOOKS))
async def rotate(access: Allowed, endpoint_id: FromPath[UUID], webhooks: Webhooks) -> SecretAnswer:
    """Replace the secret; for a while both sign."""
    return SecretAnswer(secret=await webhooks.rotate(access, endpoint_id))


@post("/endpoints/{endpoint_id:uuid}/enable", status_code=200, opt=needs(Permission.CHANGE_WEBHOOKS))
async def enable(access: Allowed, endpoint_id: FromPath[UUID], webhooks: Webhooks) -> EndpointAnswer:
    """Enable an endpoint again."""
    return endpoint_answer(await webhooks.enable(access, endpoint_id))


@post("/endpoints/{endpoint_id:uuid}/test", status_code=202, opt=needs(Permission.CHANGE_WEBHOOKS))
async def test(access: Allowed, endpoint_id: FromPath[UUID], webhooks: Webhooks) -> DeliveryAnswer:
    """Send an event that says nothing."""
    return delivery_answer(await webhooks.test(access, endpoint_id))


@post("/endpoints/{endpoint_id:uuid}/recover", status_code=202, opt=needs(Permission.CHANGE_WEBHOOKS))
async def recover(
    access: Allowed, endpoint_id: FromPath[UUID], since: FromQuery[datetime], webhooks: Webhooks
) -> RecoveredAnswer:
    """Send what the endpoint has missed since then."""
    return RecoveredAnswer(deliveries=await webhooks.recover(access, endpoint_id, since))


@get("/deliveries", opt=needs(Permission.READ_WEBHOOKS))
async def deliveries(
    access: Allowed,
    webhooks: Webhooks,
    endpoint_id: FromQuery[UUID | None] = None,
    wanted: Annotated[State | None, Parameter(query="state")] = None,  # `state` is a word of Litestar's
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> DeliveriesAnswer:
    """List deliveries, the newest first."""
    found = await webhooks.page(access, endpoint_id, wanted, cursor, limit)
    shown = found[:limit]
    return DeliveriesAnswer(
        items=[delivery_answer(one) for one in shown],
        next_cursor=shown[-1].id if len(found) > limit else None,
    )


@get("/deliveries/{delivery_id:uuid}", opt=needs(Permission.READ_WEBHOOKS))
async def delivery(access: Allowed, delivery_id: FromPath[UUID], webhooks: Webhooks) -> DeliveryWithAttempts:
    """Show a delivery and its attempts."""
    found, tried = await webhooks.delivery(access, delivery_id)
    attempts = [AttemptAnswer.model_validate(one, from_attributes=True) for one in tried]
    return DeliveryWithAttempts(**delivery_answer(found).model_dump(), attempts=attempts)


@post("/deliveries/{delivery_id:uuid}/resend", status_code=202, opt=needs(Permission.CHANGE_WEBHOOKS))
async def resend(access: Allowed, delivery_id: FromPath[UUID], webhooks: Webhooks) -> DeliveryAnswer:
    """Send an event again, under its id."""
    return delivery_answer(await webhooks.resend(access, delivery_id))


OF_ONE = [
    create, listing, show, change, remove, rotate, enable, test, recover, deliveries, delivery, resend,
]  # fmt: skip
