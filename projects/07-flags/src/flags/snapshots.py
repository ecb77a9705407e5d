"""A snapshot as bytes: for Redis, and for the file that a process begins with when both stores are away."""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog
from pydantic import JsonValue

from flags.kills import Kill
from flags.ruleset import Ref, Snapshot
from service_kit.json_text import InvalidJsonError, Json, as_mapping, parse, render

FILE: Final = "ruleset.snapshot"

log = structlog.get_logger()


def written(snapshot: Snapshot, kills: Iterable[Kill] = ()) -> bytes:
    return render(
        {
            "epoch": snapshot.epoch,
            "version": snapshot.version,
            "kill_revision": snapshot.kill_revision,
            "made_at": snapshot.made_at,
            "documents": [[ref.kind, ref.key, document] for ref, document in snapshot.documents.items()],
            "kills": [kill.document() for kill in kills],
        }
    )


def read(content: bytes) -> tuple[Snapshot, list[Kill]]:
    """Read what was written. Raises: ValueError."""
    try:
        members = as_mapping(parse(content))
        documents: dict[Ref, JsonValue] = {}
        for kind, key, document in rows(members["documents"]):
            documents[Ref(str(kind), str(key))] = document
        snapshot = Snapshot(
            str(members["epoch"]),
            int(str(members["version"])),
            int(str(members["kill_revision"])),
            float(str(members["made_at"])),
            documents,
        )
        kills = members["kills"]
        found = [Kill.read(as_mapping(one)) for one in kills] if isinstance(kills, list) else []
    except (KeyError, TypeError, InvalidJsonError) as error:
        raise ValueError(type(error).__name__) from error
    return snapshot, found


def rows(value: Json) -> list[tuple[JsonValue, JsonValue, JsonValue]]:
    return [tuple(row) for row in value] if isinstance(value, list) else []


class SnapshotFile:
    """The last ruleset, on the disk. It is replaced as a whole, and read only if it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> tuple[Snapshot, list[Kill], float] | None:
        """Return what was saved last, and how many seconds ago; None if there is nothing of use."""
        try:
            age_seconds = time.time() - (self._folder / FILE).stat().st_mtime
            digest, _, content = (self._folder / FILE).read_bytes().partition(b"\n")
            snapshot, kills = read(unchanged(content, digest))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("the snapshot on disk cannot be used", reason=type(error).__name__)
            return None
        return snapshot, kills, max(age_seconds, 0.0)

    def save(self, snapshot: Snapshot, kills: Iterable[Kill]) -> None:
        """Replace it; that the disk is full or read-only hurts nobody who is being served."""
        content = written(snapshot, kills)
        temporary = ""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=f"{FILE}.")
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self._folder / FILE)
        except OSError as error:
            log.warning("the snapshot is not on disk", reason=type(error).__name__)
            if temporary:
                Path(temporary).unlink(missing_ok=True)


def unchanged(content: bytes, digest: bytes) -> bytes:
    """Raises: ValueError."""
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise ValueError("its digest is another")
    return content
