"""`kata run NN`: a project's processes and all that they need, in one terminal, until Ctrl-C."""

import os
import re
import signal
import sys
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, TextIO

import typer

from kata.catalog.projects import ROOT, find_project
from kata.commands.arguments import Number
from kata.commands.console import Console
from kata.commands.processes import Processes, watched_folders
from kata.errors import KataError, LaunchError
from kata.servers.embedded import EmbeddedServer
from kata.servers.mail import Mail, MailServer
from kata.servers.postgres import EmbeddedPostgres
from kata.servers.postgres_programs import programs_of
from kata.servers.valkey import EmbeddedValkey
from kata.solution.procfile_target import ProcfileTarget
from kata.system.ports import HOST, is_free

_FIRST_PORT = 8000
# Not the user's to set here: the service runs in UTC, and a Procfile's own make is not part of ours.
_KEPT_BACK = re.compile(r"TZ|PORT|MAKE.*|MFLAGS|VIRTUAL_ENV|PYTHON.*|PG(?!PASSWORD$).*")


class StopRequested(KeyboardInterrupt):
    """Somebody asked for the end: Ctrl-C, SIGTERM, a closed terminal, or nobody reads the output any more.

    A KeyboardInterrupt, because asyncio swallows what else a signal handler raises in one of its callbacks.
    """


def run(
    number: Number,
    port: Annotated[int | None, typer.Option(envvar="PORT", min=1, max=65535)] = None,
    *,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start the processes anew after each edit.")
    ] = False,
    opens: Annotated[bool, typer.Option("--open", help="Open its page, where there is a browser.")] = False,
) -> None:
    """Run the reference of a project, with embedded servers unless their addresses are set."""
    project = find_project(number)
    code = run_project(
        project.path,
        title=project.description,
        needs=list(project.needs),
        env=dict(project.run_env),
        try_lines=list(project.try_lines),
        data_dir=ROOT / ".data" / project.number,
        port=port,
        stdout=sys.stdout,
        watched=watched_folders(project.path, ROOT) if reload else (),
        on_started=open_page if opens else None,
    )
    raise typer.Exit(code)


def run_project(
    project_dir: Path,
    *,
    title: str,
    needs: Sequence[str],
    env: Mapping[str, str],
    try_lines: Sequence[str],
    data_dir: Path,
    port: int | None,
    stdout: TextIO,
    watched: Sequence[Path] = (),
    on_started: Callable[[str], None] | None = None,
) -> int:
    """Run the project until somebody stops it (0) or a part of it ends by itself (1).

    `needs` are of "redis", "postgres", "smtp" and "files". All but the last are embedded, in `data_dir`,
    unless REDIS_URL, DATABASE_URL or SMTP_URL is set. For files there is a folder in there, unless DATA_DIR
    is set. What the user exports wins over `env`. `env` and `try_lines` may contain {url},
    and `env` {data}, which is `data_dir`. If folders are watched, its processes start anew after each edit,
    and one that ends by itself waits for the next.
    """
    console = Console(stdout)
    port = port or _FIRST_PORT + _number(project_dir)
    url = f"http://{HOST}:{port}"
    try:
        with _stop_signals() as stack:
            try:
                target = ProcfileTarget(project_dir, console.log, programs=programs_of(needs))
                if not is_free(HOST, port):
                    raise LaunchError(f"port {port} is in use; choose another with PORT=...")
                console.align(_first_name(process_type) for process_type in target.commands)
                servers, addresses = _start_servers(needs, data_dir, _database_name(project_dir), stack)
                if "smtp" in needs and not os.environ.get("SMTP_URL"):
                    addresses["SMTP_URL"] = _start_mail_server(data_dir / "mail", console, stack)
                own = {name: value.format(url=url, data=data_dir) for name, value in env.items()}
                if "files" in needs:
                    own.setdefault("DATA_DIR", str(data_dir / "files"))
                settings = {**own, **_users_settings(), **addresses, "PORT": str(port)}
                welcome = _welcome(project_dir, title, url, try_lines, addresses)
                processes = Processes(target, settings, stack, console)
                if watched:
                    processes.watch_and_reload(servers, watched, welcome)
                else:
                    processes.start()
                    console.say(welcome)
                    if on_started is not None:
                        on_started(url)
                    processes.watch(servers)
            except KataError as error:
                console.say(str(error))
                return 1
    except StopRequested:
        pass
    return 0


def open_page(url: str) -> None:
    """Open a page in a browser with windows; without one, the address that was printed has to do."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)


def _start_servers(
    needs: Sequence[str], data_dir: Path, database: str, stack: ExitStack
) -> tuple[list[EmbeddedServer], dict[str, str]]:
    servers: list[EmbeddedServer] = []
    addresses: dict[str, str] = {}
    if "redis" in needs and not os.environ.get("REDIS_URL"):
        redis = EmbeddedValkey(data_dir / "redis")
        _start_server(redis, servers, stack)
        addresses["REDIS_URL"] = redis.url
    if "postgres" in needs and not os.environ.get("DATABASE_URL"):
        postgres = EmbeddedPostgres(data_dir / "postgres")
        _start_server(postgres, servers, stack)
        addresses["DATABASE_URL"] = postgres.create_database(database)
    return servers, addresses


def _start_server(server: EmbeddedServer, servers: list[EmbeddedServer], stack: ExitStack) -> None:
    stack.callback(server.stop)  # before the start, which a Ctrl-C may interrupt
    servers.append(server)
    server.start()


def _start_mail_server(folder: Path, console: Console, stack: ExitStack) -> str:
    """Take in the mails that the project sends: the last to each address is kept as a text file."""

    def keep(mail: Mail) -> None:
        for recipient in mail.recipients:
            path = folder / f"{re.sub(r'[^A-Za-z0-9.@+-]', '_', recipient)}.txt"
            path.write_text(f"Subject: {mail.subject}\n\n{mail.text}")
            console.say(f"mail to {recipient}: {os.path.relpath(path)}")

    folder.mkdir(parents=True, exist_ok=True)
    server = MailServer(on_mail=keep)
    stack.callback(server.stop)
    server.start()
    return server.url


@contextmanager
def _stop_signals() -> Iterator[ExitStack]:
    """Turn a signal that asks for an end into StopRequested, but not while the stack already unwinds."""
    unwinding = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not unwinding:
            raise StopRequested

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        with ExitStack() as stack:
            try:
                yield stack
            finally:
                unwinding = True
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _first_name(process_type: str) -> str:
    return process_type if process_type == "release" else f"{process_type}.1"


def _users_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not _KEPT_BACK.fullmatch(name)}


def _number(project_dir: Path) -> int:
    match = re.match(r"\d+", project_dir.name)
    return int(match.group()) if match else 0


def _database_name(project_dir: Path) -> str:
    return project_dir.name.lstrip("0123456789-").replace("-", "_")


def _welcome(
    project_dir: Path, title: str, url: str, try_lines: Sequence[str], addresses: Mapping[str, str]
) -> str:
    number, _, name = project_dir.name.partition("-")
    rows = [("try", line.format(url=url)) for line in try_lines]
    rows += [
        ("lesson", os.path.relpath(project_dir / "README.md")),
        ("verify", f"make verify-{number} DIR=~/my-{name or number}"),
        *addresses.items(),
        ("stop", "Ctrl-C"),
    ]
    width = max(len(label) for label, _ in rows)
    lines = []
    previous = ""
    for label, text in rows:
        lines.append(f"  {'' if label == previous else label:<{width}}  {text}")
        previous = label
    return "\n".join(["", f"{project_dir.name} is running at {url}", title, "", *lines, ""])
