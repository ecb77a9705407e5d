"""What clients of WebDAV ask before they store: is there a folder, and if not, make one.

There are no folders here: each path that is no entry is an empty collection, and to make one is to do
nothing. sccache asks for the folder of each entry that it stores, and stores nothing where it gets 405.
Source: RFC 4918, sections 9.1 and 9.3.
"""

from email.utils import formatdate
from html import escape
from typing import Final
from urllib.parse import quote_from_bytes

import flask

from file_cache.access import Gate
from file_cache.domain import Metadata
from file_cache.errors import InvalidFieldError
from file_cache.requests import authorization, key_of
from file_cache.service import Cache
from file_cache.uploads import upload_of
from service_kit.problems import ProblemError, of_status

LONGEST_QUERY_BYTES: Final = 65_536
MULTISTATUS: Final = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<D:multistatus xmlns:D="DAV:"><D:response><D:href>{path}</D:href>'
    "<D:propstat><D:prop>{properties}</D:prop>"
    "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>\n"
)


def make_folders(gate: Gate, cache: Cache) -> flask.Blueprint:
    """Make the routes. They are in no document: OpenAPI does not know these methods."""
    api = flask.Blueprint("folders", __name__)

    @api.route("/cache/<path:key>", methods=["PROPFIND"])
    def describe(key: str) -> flask.Response:  # noqa: ARG001 - its bytes are taken from the path
        access = gate.access(authorization())
        for _ in upload_of(flask.request.environ).pieces(LONGEST_QUERY_BYTES, is_checked=True):
            pass  # which properties are asked for: all are given
        if flask.request.headers.get("Depth") != "0":
            raise InvalidFieldError("Depth", "only 0 is answered: there is no list of what is below.")
        name = key_of(may_be_empty=True)
        path = quote_from_bytes(b"/cache/" + name, safe="/")
        found = cache.look(access.reads, name, Metadata.is_revalidated)
        body = MULTISTATUS.format(path=escape(path), properties=_properties(found))
        return flask.Response(body, 207, content_type="application/xml; charset=utf-8")

    @api.route("/cache/<path:key>", methods=["MKCOL"])
    def make(key: str) -> flask.Response:  # noqa: ARG001 - as above
        scope = gate.access(authorization()).written_scope()
        if cache.look([scope], key_of(may_be_empty=True)) is not None:
            raise ProblemError(
                of_status(405, "There is an entry.", {"Allow": "DELETE, GET, HEAD, PROPFIND, PUT"})
            )
        response = flask.Response(status=201)
        del response.headers["Content-Type"]
        return response

    return api


def _properties(metadata: Metadata | None) -> str:
    if metadata is None:
        return f"<D:resourcetype><D:collection/></D:resourcetype>{_modified(0)}"
    return (
        f"<D:resourcetype/><D:getcontentlength>{metadata.size_bytes}</D:getcontentlength>"
        f"<D:getcontenttype>{escape(metadata.draft.content_type)}</D:getcontenttype>"
        f"<D:getetag>{escape(metadata.etag)}</D:getetag>{_modified(metadata.stored_ns // 1_000_000_000)}"
    )


def _modified(seconds: int) -> str:
    return f"<D:getlastmodified>{formatdate(seconds, usegmt=True)}</D:getlastmodified>"
