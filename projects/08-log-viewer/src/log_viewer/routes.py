"""The HTTP surface: it translates, and decides nothing."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from log_viewer.event_stream import STREAM_HEADERS, EventStream
from log_viewer.merging import MergeService
from log_viewer.schemas import (
    EntriesQuery,
    FilterQuery,
    HistogramAnswer,
    HistogramQuery,
    MergedPageAnswer,
    MergeQuery,
    PageAnswer,
    StreamAnswer,
    StreamsAnswer,
    histogram_answer,
    merged_page_answer,
    page_answer,
    stream_answer,
)
from log_viewer.service import LogService
from log_viewer.tail import Tail
from service_kit.flask_openapi import Refusal, described

UNREADABLE = Refusal("A parameter cannot be read.")
UNKNOWN = Refusal("There is no such stream.")
TOO_MANY = Refusal("The buckets would be too many.")
DISORDER = Refusal("Too much is out of order to be merged in the time that there is.")
FULL = Refusal("As many follow as may.", {"Retry-After": {"schema": {"type": "integer"}}})
GONE = Refusal("What the cursor points at is in no file any more.")


def make_api(service: LogService, merges: MergeService, tail: Tail, is_over: Callable[[], bool]) -> Blueprint:
    """Make the routes of a service."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")

    @api.get("/streams")
    @described()
    def streams() -> StreamsAnswer:
        """List the streams."""
        return StreamsAnswer(streams=[stream_answer(stream) for stream in service.streams()])

    @api.get("/streams/<stream_id>")
    @described(refusals={404: UNKNOWN})
    def stream(stream_id: str) -> StreamAnswer:
        """Show a stream."""
        return stream_answer(service.stream(stream_id))

    @api.get("/streams/<stream_id>/entries")
    @described(refusals={400: UNREADABLE, 404: UNKNOWN, 410: GONE})
    def entries(stream_id: str, query: EntriesQuery) -> PageAnswer:
        """Read a page of entries, or what stands around one."""
        if query.around is not None:
            return page_answer(service.around(stream_id, query.around, query.before, query.after))
        read = service.forward if query.direction == "forward" else service.backward
        return page_answer(read(stream_id, query.filter(), query.cursor, query.limit))

    @api.get("/entries")
    @described(refusals={400: UNREADABLE, 404: UNKNOWN, 410: GONE, 422: DISORDER})
    def merged_entries(query: MergeQuery) -> MergedPageAnswer:
        """Read a page of several streams, in the order of the instants."""
        page = merges.page(
            query.streams.split(","),
            query.filter(),
            query.cursor,
            query.limit,
            is_backward=query.direction == "backward",
        )
        return merged_page_answer(page)

    @api.get("/streams/<stream_id>/histogram")
    @described(refusals={400: UNREADABLE, 404: UNKNOWN, 410: GONE, 422: TOO_MANY})
    def histogram(stream_id: str, query: HistogramQuery) -> HistogramAnswer:
        """Count entries by time and level."""
        counted = service.histogram(stream_id, query.filter(), query.cursor, query.bucket_seconds)
        return histogram_answer(counted, query.bucket_seconds)

    @api.get("/streams/<stream_id>/tail")
    @described(
        media_type="text/event-stream",
        refusals={400: UNREADABLE, 404: UNKNOWN, 410: GONE, 503: FULL},
        request_headers={"Last-Event-ID": "The id of the last event that was received"},
    )
    def follow(stream_id: str, query: FilterQuery) -> Response:
        """Follow a stream: entries as events, from the cursor on or from the end."""
        wanted = query.filter()
        cursor = tail.begin(stream_id, request.headers.get("Last-Event-ID") or query.cursor)
        if request.method == "HEAD":  # of which nobody would say that it is over
            tail.leave(stream_id)
            return Response(content_type="text/event-stream", headers=STREAM_HEADERS)
        events = tail.follow(stream_id, wanted, cursor, is_over)
        stream = EventStream(events, lambda: tail.leave(stream_id))
        return Response(stream, content_type="text/event-stream", headers=STREAM_HEADERS)

    return api
