"""The HTTP surface: it translates, and decides nothing."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import flask
from werkzeug.routing import BaseConverter

from file_cache.access import Gate
from file_cache.answers import HIT_FIELDS, answer_of, empty
from file_cache.bodies import Body
from file_cache.collapsing import Collapsing
from file_cache.conditions import Conditions
from file_cache.digests import ExpectedDigests
from file_cache.domain import Draft, Metadata, Scope
from file_cache.errors import InvalidFieldError
from file_cache.freshness import error_seconds_of, freshness_of
from file_cache.groups import FIELD, Groups, groups_of
from file_cache.leases import FIELD as LEASE_FIELD
from file_cache.leases import token_of
from file_cache.preferences import Patience, wait_seconds_of
from file_cache.ranges import Part, part_of
from file_cache.requests import PREFIX, authorization, key_of
from file_cache.service import Cache
from file_cache.uploads import upload_of
from service_kit.flask_openapi import Refusal, described

TEMPLATE: Final = "/cache/{key}"
LONGEST_CONTENT_TYPE: Final = 256
OCTETS: Final = "application/octet-stream"
BAD_FIELD: Final = Refusal("A header field cannot be read.")
NO_ENTRY: Final = Refusal(
    "Nothing fresh is stored under this key. `Cache-Status` says why.",
    {
        "Cache-Lease": {"schema": {"type": "string"}, "description": "Whoever gets it is to fill the key."},
        "Retry-After": {"schema": {"type": "integer"}, "description": "Somebody else fills the key."},
    },
)
UNKNOWN: Final = {401: Refusal("Who asks shows no token that is known.")}
NOT_YOURS: Final = Refusal("This token may only read.")
NOT_THIS: Final = Refusal("The entry is not as the condition says.")
TOO_LONG: Final = Refusal("The key is too long.")
CONDITIONS: Final = {"If-Match": "Entity tags, or *", "If-None-Match": "Entity tags, or *"}


class AnyPath(BaseConverter):
    """A part of a path that may hold anything: slashes at its beginning and end, two of them, line breaks."""

    part_isolating = False
    regex = "(?s:.*)"


def make_api(
    gate: Gate,
    cache: Cache,
    collapsing: Collapsing,
    groups: Groups,
    default_ttl_seconds: int,
    max_value_bytes: int,
) -> flask.Blueprint:
    """Make the routes of a cache."""
    api = flask.Blueprint("api", __name__)

    @api.get("/cache/<path:key>")
    @described(
        any_query=True,  # Turborepo says in it whose build this is
        answer="The entry.",
        others={206: "The part of it.", 304: "Whoever asks has it."},
        headers=HIT_FIELDS,
        refusals={
            400: BAD_FIELD,
            **UNKNOWN,
            404: NO_ENTRY,
            412: NOT_THIS,
            414: TOO_LONG,
            416: Refusal("The entry has no such part."),
        },
        request_headers={
            **CONDITIONS,
            "Range": "One part: bytes=0-99",
            "If-Range": "An entity tag",
            "Cache-Control": "stale-if-error=N: a new one could not be made",
            "Prefer": "wait=N: for so many seconds, where somebody else fills it",
        },
    )
    def read(key: str) -> flask.Response:  # noqa: ARG001 - its bytes are taken from the path
        """Get an entry."""
        access = gate.access(authorization())
        conditions = _conditions()

        def choose(metadata: Metadata) -> Part | None:
            conditions.check_match(metadata.etag)
            if flask.request.method == "HEAD" or conditions.is_unchanged(metadata.etag):
                return None
            headers = flask.request.headers
            return part_of(metadata, headers.get("Range"), headers.get("If-Range"))

        wait_seconds = None if flask.request.method == "HEAD" else _wait_seconds()
        patience = Patience(wait_seconds, error_seconds_of(flask.request.headers.get("Cache-Control")))
        hit = collapsing.find(access, key_of(), choose, patience)
        return answer_of(hit, is_unchanged=conditions.is_unchanged(hit.metadata.etag))

    @api.put("/cache/<path:key>")
    @described(
        any_query=True,
        status=201,
        answer="Stored.",
        others={200: "Stored, in the place of a fresh entry."},
        refusals={
            400: Refusal("A header field or the body cannot be read, or the body is not what was announced."),
            **UNKNOWN,
            403: NOT_YOURS,
            411: Refusal("The body has neither a length nor a digest."),
            412: NOT_THIS,
            413: Refusal("The body is too large."),
            414: TOO_LONG,
            507: Refusal("What is on its way leaves no room."),
        },
        request_headers={
            "Cache-Control": "max-age or s-maxage, stale-while-revalidate, stale-if-error, in seconds",
            "Cache-Groups": "A list of strings",
            "Content-Digest": "sha-256 or sha-512 of the body",
            LEASE_FIELD: "The lease under which it was made, if it is to be stored only while that is held",
            **CONDITIONS,
        },
    )
    def write(key: str) -> flask.Response:  # noqa: ARG001 - as above
        """Store an entry, all of it or nothing."""
        scope = gate.access(authorization()).written_scope()
        headers = flask.request.headers
        generations = groups.generations(groups_of(headers.get(FIELD)))
        draft = _draft(scope, key_of(), default_ttl_seconds, generations)
        if "Content-Range" in headers:
            raise InvalidFieldError("Content-Range", "a part of an entry cannot be stored.")
        announced = {name: headers.get(name) for name in ("Content-Digest", "Repr-Digest")}
        digests = ExpectedDigests.parse(announced, draft.key)
        upload = upload_of(flask.request.environ)
        pieces = upload.pieces(max_value_bytes, is_checked=digests.is_announced)
        body = Body(pieces, upload.announced_bytes, digests)
        lease = token_of(headers.get(LEASE_FIELD))
        stored = cache.put(draft, _conditions(), body, lease)
        return empty(201 if stored.is_new else 200, {"ETag": stored.metadata.etag})

    @api.delete("/cache/<path:key>")
    @described(
        any_query=True,
        status=204,
        answer="Removed.",
        refusals={400: BAD_FIELD, **UNKNOWN, 403: NOT_YOURS, 404: NO_ENTRY, 412: NOT_THIS, 414: TOO_LONG},
        request_headers=CONDITIONS,
    )
    def remove(key: str) -> flask.Response:  # noqa: ARG001 - as above
        """Remove an entry."""
        scope = gate.access(authorization()).written_scope()
        cache.delete(scope, key_of(), _conditions())
        return empty(204)

    return api


def take_in(response: flask.Response) -> flask.Response:
    """Let a client that still sends read why it is refused."""
    if response.status_code >= HTTPStatus.BAD_REQUEST and flask.request.path.startswith(PREFIX):
        upload_of(flask.request.environ).drain()
    return response


def _draft(scope: Scope, key: bytes, default_ttl_seconds: int, generations: Mapping[str, str]) -> Draft:
    freshness = freshness_of(flask.request.headers.get("Cache-Control"), default_ttl_seconds)
    content_type = flask.request.headers.get("Content-Type") or OCTETS
    if len(content_type) > LONGEST_CONTENT_TYPE:
        raise InvalidFieldError("Content-Type", f"it has more than {LONGEST_CONTENT_TYPE} characters.")
    return Draft(key, freshness, content_type, generations, scope)


def _conditions() -> Conditions:
    headers = flask.request.headers
    return Conditions.parse(headers.get("If-Match"), headers.get("If-None-Match"))


def _wait_seconds() -> int | None:
    return wait_seconds_of(flask.request.headers.get("Prefer"))
