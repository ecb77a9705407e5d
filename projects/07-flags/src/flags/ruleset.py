"""All flags of one version, compiled. A ruleset never changes: a newer one takes its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import structlog
from pydantic import JsonValue, ValidationError

from flags.documents import Flag, Segment
from flags.evaluation import Compiled, Compiler, broken
from flags.keys import ApiKey

log = structlog.get_logger()

FLAG: Final = "flag"
SEGMENT: Final = "segment"
KEY: Final = "key"


class Ref(NamedTuple):
    """Names a document: its kind and its key."""

    kind: str
    key: str


type Documents = Mapping[Ref, JsonValue]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All documents of one version, as they are stored and sent around."""

    epoch: str
    """Of the database: versions of another one say nothing about these."""
    version: int
    kill_revision: int
    """Of the last kill that the documents know of."""
    made_at: float
    documents: Documents = field(repr=False)


class Ruleset:
    """A snapshot and the kills that it does not know yet, compiled. The version is one for all flags."""

    def __init__(
        self, snapshot: Snapshot, killed: frozenset[str] = frozenset(), kill_revision: int = 0
    ) -> None:
        self.snapshot = snapshot
        self.version = snapshot.version
        self.killed = killed
        self.kill_revision = max(snapshot.kill_revision, kill_revision)
        flags, failed = read(snapshot.documents, FLAG, Flag)
        segments, _ = read(snapshot.documents, SEGMENT, Segment)
        keys, _ = read(snapshot.documents, KEY, ApiKey)
        self.documents = {key: flag for key, flag in flags.items() if not flag.archived}
        live = [key for key in keys.values() if not key.revoked]
        self.keys = {key.sha256: key for key in live}
        self.keys_by_id = {key.id: key for key in live}
        compiler = Compiler(self.documents, segments, killed)
        compiled = [
            Compiled(key, compiler.decide(key), client_side=flag.client_side)
            for key, flag in sorted(self.documents.items())
        ]
        compiled += [
            Compiled(key, broken(key, "it cannot be read"), client_side=False) for key in sorted(failed)
        ]
        self.flags: Sequence[Compiled] = compiled
        self.client_side_flags: Sequence[Compiled] = [flag for flag in compiled if flag.client_side]
        self.by_key: Mapping[str, Compiled] = {flag.key: flag for flag in compiled}

    @property
    def epoch(self) -> str:
        return self.snapshot.epoch

    @property
    def state(self) -> tuple[int, int]:
        """What can be compared: one is at least another if both numbers are."""
        return self.version, self.kill_revision


def read[D: (Flag, Segment, ApiKey)](
    documents: Documents, kind: str, model: type[D]
) -> tuple[dict[str, D], set[str]]:
    """Read the documents of a kind. One that is broken takes nothing else with it."""
    found: dict[str, D] = {}
    failed: set[str] = set()
    for ref, document in documents.items():
        if ref.kind != kind:
            continue
        try:
            found[ref.key] = model.model_validate(document)
        except ValidationError:
            log.warning("a document cannot be read", kind=kind, key=ref.key)
            failed.add(ref.key)
    return found, failed
