"""What is answered: a hit with its fields, and why there was none."""

from typing import Final

import flask

from file_cache.bodies import ABSENT, DAMAGED, Hit
from file_cache.digests import digest_field
from file_cache.freshness import freshness_field
from file_cache.groups import FIELD, groups_field
from file_cache.leases import FIELD as LEASE_FIELD
from file_cache.leases import lease_field
from service_kit.flask_openapi import Headers

CACHE_NAME: Final = "file-cache"
HIT_FIELDS: Final[Headers] = {
    name: {"schema": {"type": "string"}, "description": text}
    for name, text in {
        "Cache-Lease": "With what is stale: whoever gets it is to make a new one.",
        "Cache-Groups": "Those that it was stored with.",
        "ETag": "Strong: other bytes have another.",
        "Age": "Seconds since it was stored.",
        "Cache-Status": "As RFC 9211 has it.",
        "Repr-Digest": "The SHA-256 of the body.",
    }.items()
}


def answer_of(hit: Hit, *, is_unchanged: bool) -> flask.Response:
    metadata = hit.metadata
    age_seconds = metadata.age_seconds(hit.now_ns)
    ttl_seconds = metadata.draft.freshness.ttl_seconds
    fields = {
        "ETag": metadata.etag,
        "Cache-Control": freshness_field(metadata.draft.freshness),
        "Age": str(age_seconds),
        "Cache-Status": f"{CACHE_NAME}; hit; ttl={ttl_seconds - age_seconds}"
        if hit.waited_for is None
        else f"{miss_status(hit.waited_for)}; collapsed",
    }
    if hit.lease is not None:
        fields[LEASE_FIELD] = lease_field(*hit.lease)
    if metadata.draft.groups:
        fields[FIELD] = groups_field(metadata.draft.groups)
    if is_unchanged:
        hit.close()
        return empty(304, fields)
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


def miss_status(reason: str) -> str:
    """Say why there was no hit, as RFC 9211 has it."""
    if reason == DAMAGED:
        return f"{CACHE_NAME}; fwd={ABSENT}; detail=corrupt"
    return f"{CACHE_NAME}; fwd={reason}"


def empty(status: int, fields: dict[str, str] | None = None) -> flask.Response:
    response = flask.Response(status=status, headers=fields)
    del response.headers["Content-Type"]
    return response
