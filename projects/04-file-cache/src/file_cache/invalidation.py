"""How many entries are invalidated at once: those of a group, and those whose keys begin alike."""

from typing import Annotated

import flask
from pydantic import BaseModel, Field

from file_cache.access import Gate
from file_cache.domain import LONGEST_KEY_BYTES, Scope
from file_cache.groups import LONGEST_GROUP, check_group, groups_field
from file_cache.requests import authorization
from file_cache.service import Cache
from service_kit.flask_openapi import Headers, Refusal, described

INVALIDATED: Headers = {
    "Cache-Group-Invalidation": {
        "schema": {"type": "string"},
        "description": "The group, as RFC 9875 has it.",
    }
}
NOT_YOURS = {
    401: Refusal("Who asks shows no token that is known."),
    403: Refusal("The token is not for that."),
}
NO_GROUP = Refusal("It can be no group: it is too long, or has other characters than ASCII that is printed.")


class Prefix(BaseModel):
    """Which entries."""

    prefix: Annotated[str, Field(min_length=1, max_length=LONGEST_KEY_BYTES)]


class Purged(BaseModel):
    """How many entries have gone."""

    removed: int


def make_invalidation(gate: Gate, cache: Cache) -> flask.Blueprint:
    """Make the routes."""
    api = flask.Blueprint("invalidation", __name__, url_prefix="/api/v1")

    @api.delete("/groups/<path:group>")
    @described(
        status=204,
        answer="Each entry of it is a miss.",
        headers=INVALIDATED,
        refusals={**NOT_YOURS, 422: NO_GROUP},
    )
    def invalidate(group: Annotated[str, Field(max_length=LONGEST_GROUP)]) -> flask.Response:
        """Invalidate a group, in constant time."""
        gate.access(authorization()).check_everywhere()
        check_group(group)
        cache.invalidate(group)
        response = flask.Response(status=204, headers={"Cache-Group-Invalidation": groups_field([group])})
        del response.headers["Content-Type"]
        return response

    @api.delete("/entries")
    @described(answer="They have gone.", refusals=NOT_YOURS)
    def purge(query: Prefix) -> Purged:
        """Remove each entry whose key begins so."""
        gate.access(authorization()).check_everywhere()
        return Purged(removed=cache.purge(query.prefix.encode(), *Scope))

    return api
