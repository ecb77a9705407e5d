"""Steps of failures.feature: what a run that fails leaves behind."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

from pytest_bdd import scenarios, then, when

from kata.steps import (
    FaultProxy,
    Instance,
    World,
    describe_answer,
    describe_stop,
    expect,
    is_problem,
    wait_until_ready,
)

from .content import Content
from .roles import url_as
from .vault import MANIFEST, OK, POLL_SECONDS, UNAVAILABLE, Json, Vault, as_mapping, ids, shown

scenarios("failures.feature")

VERSION_FOLDER = re.compile(r".+-[0-9A-HJKMNP-TV-Z]{26}")
GONE_SECONDS = 10.0
LOCK_MARGIN_SECONDS = 2.0
SILENCE_MARGIN_SECONDS = 10.0
SLOW_SECONDS = 0.02
KILLS = 3
OFTEN_PRUNED = {"KEEP_LAST": "1", "KEEP_DAILY": "0", "KEEP_WEEKLY": "0", "KEEP_MONTHLY": "0"}


@dataclass(frozen=True)
class Failure:
    """A run that was to fail, and what there was before and behind it."""

    what: str
    run: Json
    code: str
    before: tuple[list[str], set[str]]
    after: tuple[list[str], set[str]]
    sessions: int


def version_folders(vault: Vault) -> set[str]:
    return {entry.name for entry in vault.folder.iterdir() if VERSION_FOLDER.fullmatch(entry.name)}


def sessions(vault: Vault, *, application: str = "") -> list[int]:
    """Return the sessions of others on the service's database."""
    with vault.connect() as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' AND application_name LIKE %s",
            [vault.database, f"{application}%"],
        )
        return [int(str(pid)) for (pid,) in rows]


def once(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so, and say whether it was in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def started_again(vault: Vault, settings: dict[str, str]) -> Instance:
    """Have the service with other settings; whether it is ready is not asked."""
    web = vault.service.start_web_again(settings)
    wait_until_ready(web, "/health")
    return web


@when(
    "versions are made with a wrong password, without a server, with a table that is locked,"
    " and with a session that is killed",
    target_fixture="failures",
)
def versions_are_made_that_fail(vault: Vault, content: Content, postgres: FaultProxy) -> list[Failure]:
    own = vault.service.postgres.url
    kept = [vault.create() for _ in range(3)]
    before = (ids(vault.versions()), version_folders(vault))
    expect(before[0] == kept[::-1], expected="three versions", got=before[0])
    failures = []

    def attempt(what: str, code: str, run: Json) -> None:
        ended = vault.ended(run)
        gone = once(lambda: not sessions(vault), LOCK_MARGIN_SECONDS)
        left = 0 if gone else len(sessions(vault))
        after = (ids(vault.versions()), version_folders(vault))
        failures.append(Failure(what, ended, code, before, after, left))

    started_again(vault, {**OFTEN_PRUNED, "DATABASE_URL": url_as(vault, "postgres", vault.draw.text(16))})
    attempt("a wrong password", "authentication_failed", vault.begin("/versions"))
    started_again(vault, {"DATABASE_URL": own})
    with postgres.cut():
        run = vault.begin("/versions")
        ended = vault.ended(run)
        stands_without_postgres(vault, kept[0])
    attempt("no server", "connection_failed", ended)
    wait = float(vault.settings["LOCK_WAIT_SECONDS"])
    with locked(vault, content):
        began = time.monotonic()
        ended = vault.ended(vault.begin("/versions"), seconds=wait + 2 * LOCK_MARGIN_SECONDS)
        took = time.monotonic() - began
    expect(
        wait - 0.1 <= took <= wait + LOCK_MARGIN_SECONDS,
        expected=f"lock_timeout after {wait:g} s, within 2 s more",
        got=f"after {took:.2f} s: {shown(ended)}",
        timing=took > wait,
    )
    attempt("a locked table", "lock_timeout", ended)
    with postgres.delay(SLOW_SECONDS):
        run = vault.begin("/versions")
        once(lambda: bool(sessions(vault, application="pg_dump")), GONE_SECONDS)
        for pid in sessions(vault, application="pg_dump"):
            with vault.connect() as connection:
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        ended = vault.ended(run)
    attempt("a pg_dump whose session is killed", "dump_failed", ended)
    return failures


def stands_without_postgres(vault: Vault, version_id: str) -> None:
    """Demand what the service can do without its database, and that it says so."""
    with vault.service.client() as client:
        for path, status in (("/health", OK), ("/ready", UNAVAILABLE)):
            answer = client.get(path)
            expect(answer.status == status, expected=f"{status} from {path}", got=describe_answer(answer))
    is_problem(vault.ask("POST", "/restores", {"version_id": version_id}), UNAVAILABLE)
    expect(version_id in ids(vault.versions()), expected="the versions, listed", got="none")
    vault.succeeded(vault.begin(f"/versions/{version_id}/verify"))


@contextmanager
def locked(vault: Vault, content: Content) -> Iterator[None]:
    """Hold a lock that nobody else can have beside it."""
    with vault.connect() as connection, connection.transaction():
        connection.execute(f'LOCK TABLE "{content.schema}".items IN ACCESS EXCLUSIVE MODE')
        yield


@then("each run fails with its code, nothing is left of it, and retention has deleted nothing")
def each_run_fails_with_its_code(vault: Vault, failures: list[Failure]) -> None:
    for failure in failures:
        got = (failure.run["state"], failure.run["code"])
        expect(
            got == ("failed", failure.code),
            expected=f"{failure.what}: failed with {failure.code}",
            got=shown(failure.run),
        )
        expect(
            failure.after[0] == failure.before[0],
            expected=f"the same {len(failure.before[0])} versions behind {failure.what}",
            got=failure.after[0],
        )
        more = failure.after[1] - failure.before[1]
        expect(not more, expected=f"no folder is left of {failure.what}", got=sorted(more))
        expect(not failure.sessions, expected=f"no session behind {failure.what}", got=failure.sessions)
    vault.create()
    listed = vault.versions()
    expect(
        len(listed) == 1, expected="one version behind one that succeeds with KEEP_LAST=1", got=ids(listed)
    )


@when("versions are made until the storage is full", target_fixture="limit")
def versions_are_made_until_the_storage_is_full(
    vault: Vault, content: Content
) -> tuple[int, list[str], Json]:
    del content
    with vault.connect() as connection:
        table = vault.draw.word()
        connection.execute(
            f"CREATE TABLE {table} AS"
            " SELECT sha512(n::text::bytea) AS noise FROM generate_series(1, 4000) AS n"
        )
    size = int(str(vault.version(vault.create())["size_bytes"]))
    limit = size * vault.draw.choice((5, 7)) // 2
    started_again(vault, {"STORAGE_LIMIT_BYTES": str(limit)})
    for _ in range(10):
        before = ids(vault.versions())
        run = vault.ended(vault.begin("/versions"))
        if run["state"] == "failed":
            return limit, before, run
    return limit, before, run


@then("the last run fails with storage_full, and what is stored stays below the limit")
def the_last_run_fails_with_storage_full(vault: Vault, limit: tuple[int, list[str], Json]) -> None:
    most, before, run = limit
    expect(run["code"] == "storage_full", expected="failed with storage_full", got=shown(run))
    listed = vault.versions()
    expect(ids(listed) == before, expected="the versions from before", got=ids(listed))
    stored = sum(int(str(version["size_bytes"])) for version in listed)
    expect(stored <= most, expected=f"at most {most} bytes", got=stored)
    expect(
        version_folders(vault) == {vault.place(version_id).name for version_id in before},
        expected="no other folder",
        got=sorted(version_folders(vault)),
    )
    started_again(vault, {"STORAGE_LIMIT_BYTES": ""})
    vault.create()


@when("the service is killed in the midst of runs, and started again", target_fixture="killed")
def the_service_is_killed(vault: Vault, postgres: FaultProxy, world: World) -> list[tuple[Json, list[str]]]:
    del world
    killed = []
    vault.create()
    for number in range(KILLS):
        listed = ids(vault.versions())
        with postgres.delay(SLOW_SECONDS / 2):
            run = vault.begin("/versions")
            if number:
                once(lambda: bool(sessions(vault, application="pg_dump")), GONE_SECONDS)
                time.sleep(vault.draw.integer(0, 120) / 1000)
            shown_early = run["version_id"] in ids(vault.versions())
            is_early = vault.get(f"/runs/{run['id']}")["state"] == "running"
            if number == KILLS - 1:
                exit_code = vault.service.web.terminate(GONE_SECONDS)
                expect(
                    exit_code == 0, expected="SIGTERM amid a run: exit code 0", got=describe_stop(exit_code)
                )
            else:
                vault.service.web.kill()
        expect(not (shown_early and is_early), expected="no version before its run has ended", got="one")
        gone = once(lambda: not sessions(vault), GONE_SECONDS)
        expect(gone, expected="no session within 10 s of the kill", got=len(sessions(vault)))
        whole = {folder for folder in version_folders(vault) if (vault.folder / folder / MANIFEST).exists()}
        known = {vault_id for vault_id in listed if any(name.endswith(vault_id) for name in whole)}
        expect(known == set(listed), expected="each version that was whole is there", got=sorted(known))
        vault.service.web.restart()
        wait_until_ready(vault.service.web)
        killed.append((run, listed))
        settle(vault, run)
    return killed


def settle(vault: Vault, run: Json) -> None:
    """Demand that what was half done is gone soon behind the start."""
    ended = once(lambda: vault.get(f"/runs/{run['id']}")["state"] != "running", GONE_SECONDS)
    expect(ended, expected="a run that is over", got="running")
    tidy = once(
        lambda: (
            version_folders(vault) == {vault.place(version_id).name for version_id in ids(vault.versions())}
        ),
        GONE_SECONDS,
    )
    expect(tidy, expected="no folder but those of versions", got=sorted(version_folders(vault)))


@then("no version is there that was not whole, no session is left, and what was half done is gone")
def no_version_is_there_that_was_not_whole(vault: Vault, killed: list[tuple[Json, list[str]]]) -> None:
    for run, listed in killed:
        now = vault.get(f"/runs/{run['id']}")
        made = run["version_id"] in ids(vault.versions())
        if not made:
            got = (now["state"], now["code"])
            expect(got == ("failed", "interrupted"), expected="failed with interrupted", got=shown(now))
        expect(set(listed) <= set(ids(vault.versions())), expected="all older versions", got=listed)
    for version in vault.versions():
        drilled = vault.begin(f"/versions/{version['id']}/drill")
        vault.succeeded(drilled)
        level = as_mapping(vault.version(str(version["id"]))["verification"])["level"]
        expect(level == "compared", expected="each version that is listed can be compared", got=level)
    vault.create()


@dataclass(frozen=True)
class Silence:
    """A run amid which PostgreSQL said nothing any more, and how long the run went on."""

    run: Json
    took_seconds: float


@when(
    "PostgreSQL falls silent in the midst of a run that makes a version, and of a drill",
    target_fixture="silences",
)
def postgresql_falls_silent(
    vault: Vault, content: Content, postgres: FaultProxy
) -> tuple[str, float, list[Silence]]:
    setting = slow_to_restore(vault, content)
    version_id = vault.create()
    silence_seconds = vault.draw.integer(20, 45) / 10
    started_again(vault, {"SILENCE_SECONDS": str(silence_seconds), "LOCK_WAIT_SECONDS": "60"})
    with locked(vault, content):
        run = vault.begin("/versions")
        once(lambda: is_waiting(vault, "wait_event_type = 'Lock'"), GONE_SECONDS)
        silences = [silence(vault, postgres, run, silence_seconds)]
    vault.run("ALTER ROLE CURRENT_USER SET {} = 60", setting)
    try:
        run = vault.begin(f"/versions/{version_id}/drill")
        once(lambda: is_waiting(vault, "wait_event = 'PgSleep'"), GONE_SECONDS)
        silences.append(silence(vault, postgres, run, silence_seconds))
    finally:
        vault.run("ALTER ROLE CURRENT_USER RESET {}", setting)
    return version_id, silence_seconds, silences


def slow_to_restore(vault: Vault, content: Content) -> str:
    """Make a table that is restored as slowly as a setting says, and name that setting."""
    setting = f"{content.schema}.pause"
    with vault.connect() as connection:
        connection.execute(
            f"CREATE FUNCTION {content.schema}.pause(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS"
            f" $$BEGIN PERFORM pg_sleep(coalesce(nullif(current_setting('{setting}', true), ''), '0')::int);"
            f" RETURN $1; END$$; CREATE TABLE {content.schema}.slow"
            f" (id int, twin int GENERATED ALWAYS AS ({content.schema}.pause(id)) STORED);"
            f" INSERT INTO {content.schema}.slow (id) VALUES (1)"
        )
    return setting


def is_waiting(vault: Vault, what: LiteralString) -> bool:
    """Tell whether a session on this database, or on one beside it, waits for that."""
    with vault.connect("postgres") as connection:
        query = f"SELECT FROM pg_stat_activity WHERE starts_with(datname, %s) AND {what}"
        return connection.execute(query, [vault.database[:12]]).rowcount > 0


def silence(vault: Vault, postgres: FaultProxy, run: Json, seconds: float) -> Silence:
    """Have PostgreSQL say nothing until a run has ended, and demand that nothing of it is left."""
    with postgres.black_hole():
        began = time.monotonic()
        ended = vault.ended(run, seconds=seconds + SILENCE_MARGIN_SECONDS)
        took = time.monotonic() - began
        version = vault.versions()[0]["id"]
        is_problem(vault.ask("POST", "/restores", {"version_id": version}), UNAVAILABLE)
    gone = once(lambda: not vault.databases() and not sessions(vault, application="pg_"), GONE_SECONDS)
    expect(gone, expected="no database of the run within 10 s, and no session", got=sorted(vault.databases()))
    return Silence(ended, took)


@then(
    "each fails with connection_failed in its time, the version is no worse for it,"
    " and nothing is left of them"
)
def each_fails_in_its_time(vault: Vault, silences: tuple[str, float, list[Silence]]) -> None:
    version_id, silence_seconds, ends = silences
    for end in ends:
        got = (end.run["state"], end.run["code"])
        expect(
            got == ("failed", "connection_failed"),
            expected="failed with connection_failed",
            got=shown(end.run),
        )
        early = end.took_seconds < silence_seconds - 0.3
        expect(not early, expected=f"patience for {silence_seconds:g} s", got=f"{end.took_seconds:.2f} s")
    version = vault.version(version_id)
    expect(version["verification"] is None, expected="a version no worse for it", got=version["verification"])
    expect(ids(vault.versions()) == [version_id], expected="one version", got=ids(vault.versions()))
    vault.succeeded(vault.begin(f"/versions/{version_id}/drill"))
    vault.create()
