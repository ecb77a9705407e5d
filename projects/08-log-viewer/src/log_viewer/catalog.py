"""Which streams there are: the files beneath the root, each with those that it was rotated into."""

import hashlib
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from log_viewer.errors import UnknownStreamError
from log_viewer.segments import LogFile, Segment, open_segment

# app.log.1, app.log-20261126.gz, app.log.2026-11-26.zst: what logrotate and its like make of app.log.
_ROTATED: Final = re.compile(
    rb"(?P<base>.+?)(?:\.(?P<number>\d{1,3})|[-.](?P<date>\d{4}-?\d\d-?\d\d))?(?P<compression>\.gz|\.zst)?",
    re.DOTALL,
)
_COMPRESSIONS: Final = {b".gz": "gzip", b".zst": "zstd", None: None}

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY
_MOST_TRIES: Final = 100
_MOST_LISTINGS: Final = 10

type Age = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stream:
    """A log: the files in which it is, the oldest first."""

    id: str
    name: str
    files: tuple[LogFile, ...]


class Catalog:
    """The streams below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bases: dict[str, bytes] = {}

    def streams(self) -> list[Stream]:
        """List them by name. A link, a device, a pipe and a socket is no log, nor is what may not be read."""
        root = os.fsencode(self._root)
        files = (
            file
            for folder, _, _, descriptor in os.fwalk(root)
            for file in _files(os.path.relpath(folder, root), descriptor)
        )
        streams = _grouped(files)
        self._bases = {stream.id: base for base, stream in streams}
        return [stream for _, stream in streams]

    def stream(self, stream_id: str) -> Stream:
        """Find one. Raises: UnknownStreamError."""
        if stream_id not in self._bases:
            self.streams()
        base = self._bases.get(stream_id)
        found = self._look_up(base) if base is not None else None
        if found is None:
            raise UnknownStreamError(stream_id)
        return found

    @contextmanager
    def opened(self, stream_id: str) -> Iterator[list[Segment]]:
        """Open the files of a stream, the oldest first. Raises: UnknownStreamError.

        Files are renamed one after the other, and meanwhile a list of them may name one twice or not at all.
        So it is taken again behind the opening, and it counts if nothing has changed.
        """
        for _ in range(_MOST_TRIES):
            stream = self.stream(stream_id)
            with ExitStack() as stack:
                segments = self._open_all(stream, stack)
                if _names(stream) == _names(self.stream(stream_id)) and len(segments) == len(stream.files):
                    yield segments
                    return
        raise UnknownStreamError(stream_id)

    def ping(self) -> None:
        """Raise OSError where the folder cannot be read."""
        next(self._root.iterdir(), None)

    def _open_all(self, stream: Stream, stack: ExitStack) -> list[Segment]:
        """Open those of the files that are still what they were."""
        folder = self._open_folder(stream.files[0].path)
        if folder is None:
            return []
        stack.callback(os.close, folder)
        opened = [open_segment(folder, file) for file in stream.files]
        segments = [segment for segment in opened if segment is not None]
        for segment in segments:
            stack.callback(segment.close)
        return segments

    def _look_up(self, base: bytes) -> Stream | None:
        folder = self._open_folder(base)
        if folder is None:
            return None
        try:
            files = _files(base.rpartition(b"/")[0] or b".", folder)
        finally:
            os.close(folder)
        return next((stream for found, stream in _grouped(files) if found == base), None)

    def _open_folder(self, path: bytes) -> int | None:
        """Open the folder that a file below the root is in, without following a link on the way."""
        folder = os.open(self._root, _FOLDER)
        for part in path.split(b"/")[:-1]:
            try:
                deeper = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            except OSError:
                return None
            finally:
                os.close(folder)
            folder = deeper
        return folder


def _grouped(files: Iterable[LogFile]) -> list[tuple[bytes, Stream]]:
    """Put the files of each log together; return the streams by name, each with the path of the log."""
    found: defaultdict[bytes, dict[Age, LogFile]] = defaultdict(dict)
    for file in files:
        base, age = _place(file.path)
        there = found[base].get(age)
        # While a file is being compressed it is there twice.
        if there is None or there.compression is not None:
            found[base][age] = file
    return [(base, _stream(base, found[base])) for base in sorted(found)]


def _names(stream: Stream) -> list[tuple[bytes, int]]:
    return [(file.path, file.inode) for file in stream.files]


def _files(folder: bytes, descriptor: int) -> list[LogFile]:
    """Describe the regular files of an open folder.

    One that is renamed between the list and the look at it would have no name. So the list is taken again.
    """
    found: list[LogFile] = []
    for _ in range(_MOST_LISTINGS):
        found.clear()
        try:
            for name in map(os.fsencode, os.listdir(descriptor)):
                may_be_read = os.access(name, os.R_OK, dir_fd=descriptor)  # nor can one that has no name
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if may_be_read and stat.S_ISREG(status.st_mode):
                    found.append(_file(name if folder == b"." else folder + b"/" + name, status))
        except FileNotFoundError:
            continue
        break
    return found


def _file(path: bytes, status: os.stat_result) -> LogFile:
    match = _ROTATED.fullmatch(path)
    compression = _COMPRESSIONS[match["compression"] if match else None]
    return LogFile(
        path,
        path.decode(errors="replace"),
        compression,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_dev,
        status.st_ino,
    )


def _place(path: bytes) -> tuple[bytes, Age]:
    """Return the path of the log, and where in the rotation this file stands: the oldest is the least."""
    folder, slash, name = path.rpartition(b"/")
    match = _ROTATED.fullmatch(name)
    if match is None:
        return path, (2, 0)
    if match["date"]:
        age = (0, int(match["date"].replace(b"-", b"")))
    elif match["number"]:
        age = (1, -int(match["number"]))
    else:
        age = (2, 0)
    return folder + slash + match["base"], age


def _stream(base: bytes, files: dict[Age, LogFile]) -> Stream:
    stream_id = hashlib.blake2b(base, digest_size=12).hexdigest()
    return Stream(stream_id, base.decode(errors="replace"), tuple(file for _, file in sorted(files.items())))


def total_bytes(files: Iterable[LogFile]) -> int:
    return sum(file.size_bytes for file in files)
