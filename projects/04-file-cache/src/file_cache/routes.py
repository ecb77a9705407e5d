"""The HTTP surface: it translates, and decides nothing."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import flask
from werkzeug.routing import BaseConverter

from file_cache.conditions import Conditions
from file_cache.digests import ExpectedDigests, digest_field
from file_cache.domain import LONGEST_KEY_BYTES, Draft, Metadata, Scope
from file_cache.errors import InvalidFieldError, InvalidKeyError, KeyTooLongError
from file_cache.freshness import freshness_of
from file_cache.groups import FIELD, Groups, groups_field, groups_of
from file_cache.ranges import Part, part_of
from file_cache.service import Body, Cache, Hit
from file_cache.uploads import upload_of
from service_kit.flask_openapi import Headers, Refusal, described

PREFIX: Final = "/cache/"
TEMPLATE: Final = "/cache/{key}"
CACHE_NAME: Final = "file-cache"
LONGEST_CONTENT_TYPE: Final = 256
OCTETS: Final = "application/octet-stream"
HIT_FIELDS: Final[Headers] = {
    name: {"schema": {"type": "string"}, "description": text}
    for name, text in {
        "Cache-Groups": "Those that it was stored with.",
        "ETag": "Strong: other bytes have another.",
        "Age": "Seconds since it was stored.",
        "Cache-Status": "As RFC 9211 has it.",
        "Repr-Digest": "The SHA-256 of the body.",
    }.items()
}
BAD_FIELD: Final = Refusal("A header field cannot be read.")
NO_ENTRY: Final = Refusal("Nothing fresh is stored under this key. `Cache-Status` says why.")
NOT_THIS: Final = Refusal("The entry is not as the condition says.")
TOO_LONG: Final = Refusal("The key is too long.")
CONDITIONS: Final = {"If-Match": "Entity tags, or *", "If-None-Match": "Entity tags, or *"}


class AnyPath(BaseConverter):
    """A part of a path that may hold anything: slashes at its beginning and end, two of them, line breaks."""

    part_isolating = False
    regex = "(?s:.*)"


def make_api(cache: Cache, groups: Groups, default_ttl_seconds: int, max_value_bytes: int) -> flask.Blueprint:
    """Make the routes of a cache."""
    api = flask.Blueprint("api", __name__)

    @api.get("/cache/<path:key>")
    @described(
        answer="The entry.",
        others={206: "The part of it.", 304: "Whoever asks has it."},
        headers=HIT_FIELDS,
        refusals={
            400: BAD_FIELD,
            404: NO_ENTRY,
            412: NOT_THIS,
            414: TOO_LONG,
            416: Refusal("The entry has no such part."),
        },
        request_headers={**CONDITIONS, "Range": "One part: bytes=0-99", "If-Range": "An entity tag"},
    )
    def read(key: str) -> flask.Response:
        """Get an entry."""
        conditions = _conditions()

        def choose(metadata: Metadata) -> Part | None:
            conditions.check_match(metadata.etag)
            if flask.request.method == "HEAD" or conditions.is_unchanged(metadata.etag):
                return None
            headers = flask.request.headers
            return part_of(metadata, headers.get("Range"), headers.get("If-Range"))

        hit = cache.find(Scope.TRUSTED, _key(key), choose)
        return _answer(hit, is_unchanged=conditions.is_unchanged(hit.metadata.etag))

    @api.put("/cache/<path:key>")
    @described(
        status=201,
        answer="Stored.",
        others={200: "Stored, in the place of a fresh entry."},
        refusals={
            400: Refusal("A header field or the body cannot be read, or the body is not what was announced."),
            411: Refusal("The body has neither a length nor a digest."),
            412: NOT_THIS,
            413: Refusal("The body is too large."),
            414: TOO_LONG,
            507: Refusal("What is on its way leaves no room."),
        },
        request_headers={
            "Cache-Control": "max-age or s-maxage, in seconds",
            "Cache-Groups": "A list of strings",
            "Content-Digest": "sha-256 or sha-512 of the body",
            **CONDITIONS,
        },
    )
    def write(key: str) -> flask.Response:
        """Store an entry, all of it or nothing."""
        headers = flask.request.headers
        generations = groups.generations(groups_of(headers.get(FIELD)))
        draft = _draft(_key(key), default_ttl_seconds, generations)
        if "Content-Range" in headers:
            raise InvalidFieldError("Content-Range", "a part of an entry cannot be stored.")
        announced = {name: headers.get(name) for name in ("Content-Digest", "Repr-Digest")}
        digests = ExpectedDigests.parse(announced, draft.key)
        upload = upload_of(flask.request.environ)
        pieces = upload.pieces(max_value_bytes, is_checked=digests.is_announced)
        body = Body(pieces, upload.announced_bytes, digests)
        stored = cache.put(Scope.TRUSTED, draft, _conditions(), body)
        return _empty(201 if stored.is_new else 200, {"ETag": stored.metadata.etag})

    @api.delete("/cache/<path:key>")
    @described(
        status=204,
        answer="Removed.",
        refusals={400: BAD_FIELD, 404: NO_ENTRY, 412: NOT_THIS, 414: TOO_LONG},
        request_headers=CONDITIONS,
    )
    def remove(key: str) -> flask.Response:
        """Remove an entry."""
        cache.delete(Scope.TRUSTED, _key(key), _conditions())
        return _empty(204)

    return api


def take_in(response: flask.Response) -> flask.Response:
    """Let a client that still sends read why it is refused."""
    if response.status_code >= HTTPStatus.BAD_REQUEST and flask.request.path.startswith(PREFIX):
        upload_of(flask.request.environ).drain()
    return response


def _draft(key: bytes, default_ttl_seconds: int, generations: Mapping[str, str]) -> Draft:
    freshness = freshness_of(flask.request.headers.get("Cache-Control"), default_ttl_seconds)
    content_type = flask.request.headers.get("Content-Type") or OCTETS
    if len(content_type) > LONGEST_CONTENT_TYPE:
        raise InvalidFieldError("Content-Type", f"it has more than {LONGEST_CONTENT_TYPE} characters.")
    return Draft(key, freshness, content_type, generations)


def _key(_: str) -> bytes:
    """Return the key: the bytes of the path, unescaped once. Flask's own text has lost what is no UTF-8.

    Raises: InvalidKeyError, KeyTooLongError.
    """
    path: str = flask.request.environ["PATH_INFO"]
    key = path.encode("latin-1").removeprefix(PREFIX.encode())
    if not key:
        raise InvalidKeyError
    if len(key) > LONGEST_KEY_BYTES:
        raise KeyTooLongError
    return key


def _conditions() -> Conditions:
    headers = flask.request.headers
    return Conditions.parse(headers.get("If-Match"), headers.get("If-None-Match"))


def _answer(hit: Hit, *, is_unchanged: bool) -> flask.Response:
    metadata = hit.metadata
    age_seconds = metadata.age_seconds(hit.now_ns)
    ttl_seconds = metadata.draft.freshness.ttl_seconds
    fields = {
        "ETag": metadata.etag,
        "Cache-Control": f"max-age={ttl_seconds}",
        "Age": str(age_seconds),
        "Cache-Status": f"{CACHE_NAME}; hit; ttl={ttl_seconds - age_seconds}",
    }
    if metadata.draft.groups:
        fields[FIELD] = groups_field(metadata.draft.groups)
    if is_unchanged:
        hit.close()
        return _empty(304, fields)
    first, end = hit.part or (0, metadata.size_bytes)
    fields |= {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - first),
        "Repr-Digest": digest_field(metadata.sha256),
    }
    if hit.part is not None:
        fields["Content-Range"] = f"bytes {first}-{end - 1}/{metadata.size_bytes}"
    response = flask.Response(
        hit.body, 206 if hit.part else 200, fields, content_type=metadata.draft.content_type
    )
    response.call_on_close(hit.close)
    return response


def _empty(status: int, fields: dict[str, str] | None = None) -> flask.Response:
    response = flask.Response(status=status, headers=fields)
    del response.headers["Content-Type"]
    return response
