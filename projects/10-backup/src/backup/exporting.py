"""A version becomes a dump for development, in which what rules name is replaced.

It is not made of the live database: the version is proven on the way, nobody waits for a lock, and what is
personal is replaced where nobody sees it. pg_restore's sections give the order: tables and rows, the rules,
and then indexes, constraints and triggers. So no trigger runs, and PostgreSQL itself finds each foreign key
that does not hold any more.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from backup import fingerprints
from backup.anonymising import anonymise
from backup.database import is_lost
from backup.dumping import Dump
from backup.durable import create_privately, sync_folder
from backup.errors import ConnectionFailedError, PreflightError, RestoreFailedError, RuleFailedError
from backup.restoring import Restorer
from backup.rules import Key, Rule, key_of, read_rules
from backup.runs import Report
from backup.storage import folder_name, translated
from backup.version_files import Writer, dump_in

SUFFIX: Final = ".dump.zst"
UNFINISHED: Final = ".unfinished-"
# Who develops has other roles. pg_dump names owners in an archive whatever it is told, so there are none.
OF_NOBODY: Final = ("--no-owner", "--no-privileges")
BEFORE_RULES: Final = (*OF_NOBODY, "--section=pre-data", "--section=data")
AFTER_RULES: Final = (*OF_NOBODY, "--section=post-data")
# Subscriptions have passwords, and no rule reaches large objects.
LEFT_OUT: Final = ("--no-large-objects", "--no-subscriptions", "--no-publications")


@dataclass(frozen=True)
class Exporter:
    """Makes dumps for development."""

    restorer: Restorer
    dump: Dump
    folder: Path
    rules_file: Path | None
    secret: str | None

    def rules(self) -> tuple[Sequence[Rule], Key]:
        """Read what is to be replaced, and the key.

        Raises: PreflightError.
        """
        if self.secret is None:
            raise PreflightError([("no_key", "There is no EXPORT_KEY.")])
        return read_rules(self.rules_file), key_of(self.secret)

    def export(
        self, run_id: str, folder: Path, scratch: str, rules: tuple[Sequence[Rule], Key], report: Report
    ) -> str:
        """Make a dump of the version in a folder, by way of a scratch database, and return its file's name.

        Raises: RunFailedError, and then there is nothing of it.
        """
        server, archives = self.restorer.server, self.restorer.archives
        with self.restorer.scratch(folder, scratch, report, BEFORE_RULES) as (manifest, _):
            report("anonymising")
            with ruled(), server.connect(scratch) as connection:
                fingerprints.pin(connection)
                anonymise(connection, *rules)
            with ruled():
                archives.restore(dump_in(folder, manifest), server, scratch, lambda _: None, AFTER_RULES)
            name = folder_name(run_id) + SUFFIX
            with self._file(name) as file, archives.head() as head:
                with self.dump.into(file, scratch, LEFT_OUT, lambda done: report("dumping", done), head):
                    pass
                with ruled():
                    head.listed()
        return name

    def remove_abandoned(self) -> None:
        """Remove what an export has left whose process died; to be called while no other is made."""
        for path in self._outgoing.glob(f"{UNFINISHED}*"):
            path.unlink(missing_ok=True)

    @property
    def _outgoing(self) -> Path:
        return self.folder / "outgoing"

    @contextmanager
    def _file(self, name: str) -> Iterator[Writer]:
        """Write a file that has its name once it is whole and on the disk."""
        with translated():
            self._outgoing.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.remove_abandoned()
            path = self._outgoing / f"{UNFINISHED}{name}"
            try:
                with create_privately(path) as file:
                    yield Writer(name, file.write, None)
                    file.flush()
                    os.fsync(file.fileno())
                path.rename(self._outgoing / name)
                sync_folder(self._outgoing)
            except BaseException:
                path.unlink(missing_ok=True)
                raise


@contextmanager
def ruled() -> Iterator[None]:
    """Blame the rules: what was restored up to here is as it was dumped, so the version is none the worse.

    What the server says besides its message is left out: there stands the row.
    """
    try:
        yield
    except psycopg.Error as error:
        message = error.diag.message_primary or "the connection was lost"
        failed = ConnectionFailedError if is_lost(error) else RuleFailedError
        raise failed(f"The server says: {message}.") from error
    except RestoreFailedError as error:
        raise RuleFailedError(f"With what is replaced: {error}") from error
