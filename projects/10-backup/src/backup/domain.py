"""The words of the service: a version and its proof, a run and how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why there is a version."""

    REQUEST = "request"
    SCHEDULE = "schedule"
    SAFETY = "safety"
    IMPORT = "import"


class Level(StrEnum):
    """How far a version was verified: its bytes, that it can be restored, that it is what was dumped."""

    CHECKSUM = "checksum"
    RESTORED = "restored"
    COMPARED = "compared"


class Kind(StrEnum):
    """What a run does."""

    CREATE = "create"
    IMPORT = "import"
    VERIFY = "verify"
    DRILL = "drill"
    RESTORE = "restore"
    EXPORT = "export"


class State(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a version, as it was written."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TableProof:
    """What a table held at the snapshot: so many rows, and a hash that no order of them changes."""

    schema: str
    name: str
    rows: int
    hash: str


@dataclass(frozen=True, slots=True)
class LargeObjects:
    """What is in no table: so many large objects, and a hash of their numbers and bytes."""

    count: int
    hash: str


@dataclass(frozen=True, slots=True)
class SequenceValue:
    """Where a sequence stands according to the dump."""

    name: str
    value: int
    is_called: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """A privilege on the database; no grantee: everybody."""

    grantee: str | None
    privilege: str
    is_grantable: bool


@dataclass(frozen=True, slots=True)
class DatabaseSetting:
    """What `ALTER DATABASE … SET`, or `ALTER ROLE … IN DATABASE … SET`, has set."""

    role: str | None
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Properties:
    """What PostgreSQL keeps of a database outside of it, where pg_dump without --create does not look."""

    owner: str
    encoding: str
    locale_provider: str
    collate: str
    ctype: str
    locale: str | None
    icu_rules: str | None
    connection_limit: int
    comment: str | None
    grants: Sequence[Grant] | None
    settings: Sequence[DatabaseSetting]


@dataclass(frozen=True, slots=True)
class Role:
    """A role that something in the database belongs to or is granted to; never its password."""

    name: str
    member_of: Sequence[str]
    can_login: bool
    is_superuser: bool
    inherits: bool
    can_create_databases: bool
    can_create_roles: bool
    replicates: bool
    bypasses_row_security: bool


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension that is installed in the database."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a version comes from; of an imported one all this is unknown."""

    server_version: str
    lsn: str
    size_bytes: int
    properties: Properties
    roles: Sequence[Role]
    extensions: Sequence[Extension]
    tables: Sequence[TableProof]
    sequences: Sequence[SequenceValue]
    large_objects: LargeObjects


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version is: written last, and never changed."""

    format: int
    id: str
    database: str
    taken_at: datetime
    reason: Reason
    labels: Mapping[str, str]
    tool_version: str
    files: Sequence[StoredFile]
    source: Source | None


@dataclass(frozen=True, slots=True)
class Verification:
    """How the last verification of a version has ended."""

    level: Level
    verified_at: datetime
    code: str | None = None
    recovery_seconds: float | None = None

    @property
    def has_passed(self) -> bool:
        return self.code is None

    @property
    def is_proof(self) -> bool:
        """Tell whether the version was restored: whole bytes alone prove no backup."""
        return self.has_passed and self.level is not Level.CHECKSUM


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known of a version beside its manifest."""

    is_pinned: bool = False
    verification: Verification | None = None
    proven_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A version in the storage; without a manifest that can be read it is damaged."""

    id: str
    taken_at: datetime
    manifest: Manifest | None
    marks: Marks


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    phase: str
    done_bytes: int = 0
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One operation on the database, from its start on."""

    id: str
    kind: Kind
    state: State
    started_at: datetime
    version_id: str | None = None
    progress: Progress = field(default_factory=lambda: Progress("starting"))
    finished_at: datetime | None = None
    code: str | None = None
    detail: str | None = None
    safety_version_id: str | None = None
    recovery_seconds: float | None = None
    swap_seconds: float | None = None
    undo_until: datetime | None = None
    undone_at: datetime | None = None
    file: str | None = None
