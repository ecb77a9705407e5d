"""What clients see."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from log_viewer.catalog import Stream, total_bytes
from log_viewer.coverage import Coverage, Reason, Stop
from log_viewer.filters import Filter, make_filter
from log_viewer.levels import Level, read_level
from log_viewer.merging import MergedPage
from log_viewer.service import Counted, Item, Page
from log_viewer.timestamps import NANOSECONDS, write_instant

MOST_ENTRIES = 1000
# So much of a text may be asked for: a query has a line, and that has a limit.
LONGEST = 1000
LONGEST_BUCKET_SECONDS = 366 * 86_400

type Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]


class FileAnswer(BaseModel):
    """A file of a stream."""

    name: str
    size_bytes: int
    compression: Literal["gzip", "zstd"] | None
    modified_at: str


class StreamAnswer(BaseModel):
    """A stream: its files, the oldest first."""

    id: str
    name: str
    size_bytes: int
    files: list[FileAnswer]


class StreamsAnswer(BaseModel):
    """All streams, by name."""

    streams: list[StreamAnswer]


class EntryAnswer(BaseModel):
    """An entry. `raw` is its text; where that is not UTF-8, `raw_base64` has its bytes."""

    id: str
    file: str
    time: str | None
    level: Level | None
    raw: str
    raw_base64: str | None
    out_of_order: bool
    truncated: bool


class MergedEntryAnswer(EntryAnswer):
    """An entry, and the id of the stream that it is in."""

    stream: str


class SkippedAnswer(BaseModel):
    """Bytes of a file that were not read."""

    start: int
    end: int
    reason: Reason


class FileCoverageAnswer(BaseModel):
    """What was read of a file: offsets as they are without compression, from and to."""

    name: str
    read: list[tuple[int, int]]
    skipped: list[SkippedAnswer]


class CoverageAnswer(BaseModel):
    """The account of an answer."""

    complete: bool
    stopped_by: Stop | None
    undated: int
    out_of_order: int
    files: list[FileCoverageAnswer]


class PageAnswer(BaseModel):
    """Entries in the order of the files."""

    entries: list[EntryAnswer]
    next_cursor: str | None
    previous_cursor: str | None
    tail_cursor: str | None
    coverage: CoverageAnswer


class MergedPageAnswer(BaseModel):
    """Entries of several streams, in the order of their instants."""

    entries: list[MergedEntryAnswer]
    next_cursor: str | None
    previous_cursor: str | None
    coverage: CoverageAnswer


class BucketAnswer(BaseModel):
    """The entries from `start` on, up to the start of the next bucket."""

    start: str
    entries: int
    levels: dict[str, int]


class HistogramAnswer(BaseModel):
    """How many entries there are when. `undated` are not in the buckets."""

    bucket_seconds: int
    buckets: list[BucketAnswer]
    undated: int
    next_cursor: str | None
    coverage: CoverageAnswer


class FilterQuery(BaseModel):
    """Which entries."""

    model_config = ConfigDict(populate_by_name=True)

    since: Annotated[Text | None, Field(alias="from", description="The first instant, RFC 3339")] = None
    until: Annotated[Text | None, Field(alias="to", description="The first instant behind the range")] = None
    level: Annotated[Text | None, Field(description="Levels, with commas between")] = None
    q: Annotated[Text | None, Field(description="A text that is in the entry")] = None
    pattern: Annotated[Text | None, Field(description="A pattern of RE2 that is in the entry")] = None
    where: Annotated[Text | None, Field(description="Fields as name=value, with blanks between")] = None
    cursor: Annotated[Text | None, Field(description="Where to read on")] = None

    def filter(self) -> Filter:
        """Read the parameters. Raises: InvalidQueryError."""
        return make_filter(
            since=self.since,
            until=self.until,
            level=self.level,
            q=self.q,
            pattern=self.pattern,
            where=self.where,
        )


class HistogramQuery(FilterQuery):
    """Which entries, and how wide the buckets are."""

    bucket_seconds: Annotated[int, Field(ge=1, le=LONGEST_BUCKET_SECONDS)] = 60


class PageQuery(FilterQuery):
    """Which entries, how many, and which way."""

    limit: Annotated[int, Field(ge=1, le=MOST_ENTRIES)] = 100
    direction: Literal["forward", "backward"] = "forward"


class MergeQuery(PageQuery):
    """Which entries of which streams."""

    streams: Annotated[Text, Field(description="The ids of streams, with commas between")]


class EntriesQuery(PageQuery):
    """Which entries of a stream, or what stands around one."""

    around: Annotated[
        Text | None, Field(description="The id of an entry: what stands around it, unfiltered")
    ] = None
    before: Annotated[int, Field(ge=0, le=MOST_ENTRIES, description="Entries before that one")] = 50
    after: Annotated[int, Field(ge=0, le=MOST_ENTRIES, description="Entries behind that one")] = 50


def stream_answer(stream: Stream) -> StreamAnswer:
    files = [
        FileAnswer.model_validate(
            {
                "name": file.name,
                "size_bytes": file.size_bytes,
                "compression": file.compression,
                "modified_at": datetime.fromtimestamp(file.modified_ns / NANOSECONDS, UTC).isoformat(),
            }
        )
        for file in stream.files
    ]
    return StreamAnswer(id=stream.id, name=stream.name, size_bytes=total_bytes(stream.files), files=files)


def page_answer(page: Page) -> PageAnswer:
    return PageAnswer(
        entries=[entry_answer(item) for item in page.items],
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
        tail_cursor=page.tail_cursor,
        coverage=_coverage(page.coverage),
    )


def merged_page_answer(page: MergedPage) -> MergedPageAnswer:
    return MergedPageAnswer(
        entries=[
            MergedEntryAnswer.model_validate({**dict(entry_answer(item)), "stream": stream_id})
            for stream_id, item in page.items
        ],
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
        coverage=_coverage(page.coverage),
    )


def histogram_answer(counted: Counted, bucket_seconds: int) -> HistogramAnswer:
    return HistogramAnswer(
        bucket_seconds=bucket_seconds,
        buckets=[
            BucketAnswer(
                start=write_instant(bucket.start), entries=sum(bucket.levels.values()), levels=bucket.levels
            )
            for bucket in counted.buckets
        ],
        undated=counted.undated,
        next_cursor=counted.next_cursor,
        coverage=_coverage(counted.coverage),
    )


def entry_answer(item: Item) -> EntryAnswer:
    entry, instant = item.dated.entry, item.dated.instant
    try:
        text, encoded = entry.raw.decode(), None
    except UnicodeDecodeError:
        text, encoded = entry.raw.decode(errors="replace"), base64.b64encode(entry.raw).decode()
    return EntryAnswer(
        id=item.id,
        file=item.file,
        time=write_instant(instant) if instant is not None else None,
        level=read_level(entry.first_line),
        raw=text,
        raw_base64=encoded,
        out_of_order=item.dated.is_late,
        truncated=entry.is_cut,
    )


def _coverage(coverage: Coverage) -> CoverageAnswer:
    return CoverageAnswer(
        complete=coverage.is_complete,
        stopped_by=coverage.stopped_by,
        undated=coverage.undated,
        out_of_order=coverage.late,
        files=[
            FileCoverageAnswer(
                name=file.name,
                read=file.read,
                skipped=[
                    SkippedAnswer(start=start, end=end, reason=reason) for start, end, reason in file.skipped
                ],
            )
            for _, file in sorted(coverage.files.items())
        ],
    )
