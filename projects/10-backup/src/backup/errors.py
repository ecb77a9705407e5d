"""What can go wrong: requests that are refused, and runs that fail. app.py gives the former a status."""

from collections.abc import Sequence
from typing import ClassVar


class BackupError(Exception):
    """Base of every error that this service raises on purpose."""


class UnknownVersionError(BackupError):
    """There is no version with this id."""

    def __init__(self, version_id: str) -> None:
        super().__init__(f"There is no version {version_id}.")


class UnknownRunError(BackupError):
    """There is no run with this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"There is no run {run_id}.")


class RunInProgressError(BackupError):
    """Another run has the database."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Run {run_id} is in progress.")
        self.run_id = run_id


class PreflightError(BackupError):
    """A restore could not succeed: a list of (code, detail)."""

    def __init__(self, obstacles: Sequence[tuple[str, str]]) -> None:
        super().__init__("The version cannot be restored here.")
        self.obstacles = obstacles


class CannotUndoError(BackupError):
    """The restore is not the last one, or its time is over, or it was undone."""


class UnknownFileError(BackupError):
    """There is no such file to import."""

    def __init__(self) -> None:
        super().__init__("There is no file of this name in the folder `incoming`.")


class RunFailedError(BackupError):
    """A run has not done what it was to do. `code` is what programs branch on."""

    code: ClassVar[str]


class ConnectionFailedError(RunFailedError):
    """The server cannot be reached, or has no such database."""

    code = "connection_failed"


class AuthenticationFailedError(RunFailedError):
    """The server does not let this user in."""

    code = "authentication_failed"


class LockTimeoutError(RunFailedError):
    """A table was locked by somebody else for too long."""

    code = "lock_timeout"


class RowSecurityError(RunFailedError):
    """The user does not see all rows."""

    code = "rls_blocked"


class DumpFailedError(RunFailedError):
    """pg_dump has failed, or was killed."""

    code = "dump_failed"


class ProgramMissingError(RunFailedError):
    """There is no pg_dump or pg_restore here."""

    code = "program_missing"


class StorageFullError(RunFailedError):
    """There is no room for what has to be stored."""

    code = "storage_full"


class StorageFailedError(RunFailedError):
    """The storage cannot be read or written."""

    code = "storage_failed"


class VersionExistsError(RunFailedError):
    """The storage has a manifest under this id."""

    code = "version_exists"

    def __init__(self) -> None:
        super().__init__("There is another version with this id.")


class MissingError(RunFailedError):
    """A file of the version is gone."""

    code = "missing"


class TruncatedError(RunFailedError):
    """A file of the version is shorter than it was."""

    code = "truncated"


class ChecksumError(RunFailedError):
    """A file of the version has other bytes."""

    code = "checksum"


class DamagedManifestError(RunFailedError):
    """The manifest is not as it was written."""

    code = "manifest"


class WrongKeyError(RunFailedError):
    """The version is encrypted for somebody else, or there is no key here."""

    code = "wrong_key"


class RestoreFailedError(RunFailedError):
    """pg_restore has failed, or the server has refused a statement."""

    code = "restore_failed"


class ContentDiffersError(RunFailedError):
    """What was restored is not what was dumped."""

    code = "content_differs"


class RuleMissingError(RunFailedError):
    """A column looks like one of mails, and no rule says what becomes of it."""

    code = "rule_missing"


class RuleFailedError(RunFailedError):
    """A rule cannot be applied, or what it makes breaks a constraint."""

    code = "rule_failed"


class SwapFailedError(RunFailedError):
    """The databases could not be renamed; the one that is live stays so."""

    code = "swap_failed"
