"""API keys over HTTP."""

from datetime import timedelta
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from apps.api.access import Allowed, needs
from apps.api.answers import IssuedKeyAnswer, KeyAnswer, KeysAnswer
from apps.api.pages import Limit, page_of
from apps.api.schemas import NewKey
from core.keys.service import KeyService
from core.tenancy.domain import Permission

Keys = NamedDependency[KeyService]


@post("/keys", opt=needs(Permission.CHANGE_KEYS))
async def issue(access: Allowed, data: JSONBody[NewKey], keys: Keys) -> IssuedKeyAnswer:
    """Make a key, which is shown this once."""
    lifetime = None if data.lifetime_seconds is None else timedelta(seconds=data.lifetime_seconds)
    issued = await keys.issue(access, data.name, data.scopes, lifetime)
    shown = KeyAnswer.model_validate(issued.key, from_attributes=True)
    return IssuedKeyAnswer(**shown.model_dump(), key=issued.secret)


@get("/keys", opt=needs(Permission.READ_KEYS))
async def listing(
    access: Allowed, keys: Keys, cursor: FromQuery[UUID | None] = None, limit: FromQuery[Limit] = 20
) -> KeysAnswer:
    """List keys, the newest first."""
    found = await keys.page(access, cursor, limit)
    shown, next_cursor = page_of(found, limit, lambda one: one.id)
    items = [KeyAnswer.model_validate(one, from_attributes=True) for one in shown]
    return KeysAnswer(items=items, next_cursor=next_cursor)


@delete("/keys/{key_id:uuid}", opt=needs(Permission.CHANGE_KEYS))
async def revoke(access: Allowed, key_id: FromPath[UUID], keys: Keys) -> None:
    """Revoke a key: from the next request on nobody knows it."""
    await keys.revoke(access, key_id)


OF_ONE = [issue, listing, revoke]
