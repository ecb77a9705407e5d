"""The HTTP surface: it translates, and decides nothing."""

from flask import Blueprint

from log_viewer.schemas import (
    EntriesQuery,
    HistogramAnswer,
    HistogramQuery,
    PageAnswer,
    StreamAnswer,
    StreamsAnswer,
    histogram_answer,
    page_answer,
    stream_answer,
)
from log_viewer.service import LogService
from service_kit.flask_openapi import Refusal, described

UNREADABLE = Refusal("A parameter cannot be read.")
UNKNOWN = Refusal("There is no such stream.")
TOO_MANY = Refusal("The buckets would be too many.")
GONE = Refusal("What the cursor points at is in no file any more.")


def make_api(service: LogService) -> Blueprint:
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

    @api.get("/streams/<stream_id>/histogram")
    @described(refusals={400: UNREADABLE, 404: UNKNOWN, 410: GONE, 422: TOO_MANY})
    def histogram(stream_id: str, query: HistogramQuery) -> HistogramAnswer:
        """Count entries by time and level."""
        counted = service.histogram(stream_id, query.filter(), query.cursor, query.bucket_seconds)
        return histogram_answer(counted, query.bucket_seconds)

    return api
