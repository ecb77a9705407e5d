"""Steps of versions.feature."""

import hashlib
import re
import shutil
import stat
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import quote, unquote, urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, World, as_object, expect, is_problem

from .content import Content
from .vault import (
    ACCEPTED,
    API,
    CONFLICT,
    INVALID,
    Json,
    Row,
    Vault,
    as_list,
    as_mapping,
    decompressed,
    ids,
    shown,
)

scenarios("versions.feature")

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID = re.compile(rf"[0-7][{CROCKFORD}]{{25}}")
MEMBERS = {
    *("id", "taken_at", "reason", "labels", "size_bytes", "is_pinned", "is_damaged", "verification"),
    "proven_at",
}
RUN_MEMBERS = {"id", "kind", "state", "version_id", "started_at", "finished_at", "progress"}
MANIFEST_MEMBERS = {"id", "database", "taken_at", "reason", "labels", "tool_version", "files", "source"}
WRITERS_SECONDS = 0.4
MARGIN = timedelta(seconds=1)


@when("a version is made", target_fixture="made")
def a_version_is_made(vault: Vault) -> Json:
    before = ids(vault.versions())
    began = datetime.now(UTC)
    run = vault.begin("/versions", {})
    expect(run["state"] in {"running", "succeeded"}, expected="a run that runs", got=run["state"])
    ended = vault.succeeded(run)
    return {"run": ended, "before": before, "began": began}


@then("the run tells how far it is and how it ended, and the version is listed and shown")
def the_run_tells_how_far_it_is(vault: Vault, made: Json) -> None:
    run, before = as_mapping(made["run"]), made["before"]
    missing = RUN_MEMBERS - set(run)
    expect(not missing, expected="all members of a run", got=f"no {', '.join(sorted(missing))}")
    expect(run["kind"] == "create", expected="kind create", got=run["kind"])
    phase = as_mapping(run["progress"]).get("phase")
    expect(isinstance(phase, str), expected="progress with a phase", got=run["progress"])
    times = [moment(run["started_at"]), moment(run["finished_at"])]
    order = [moment_of(made["began"]) - MARGIN, *times, datetime.now(UTC) + MARGIN]
    expect(order == sorted(order), expected="started_at and finished_at in order, in UTC", got=times)
    version_id = str(run["version_id"])
    listed = vault.versions()
    expect(ids(listed) == [version_id, *as_ids(before)], expected="one more version", got=ids(listed))
    item = listed[0]
    missing = MEMBERS - set(item)
    expect(not missing, expected="all members of a version", got=f"no {', '.join(sorted(missing))}")
    plain = {"reason": "request", "labels": {}, "is_pinned": False, "is_damaged": False, "verification": None}
    got = {name: item[name] for name in plain}
    expect(got == plain, expected=str(plain), got=got)
    one = vault.version(version_id)
    same = {name: one[name] for name in MEMBERS}
    expect(same == {name: item[name] for name in MEMBERS}, expected="the same as in the list", got=same)
    kept = vault.manifest(version_id)
    own = as_mapping(one.get("manifest"))
    differing = [name for name in MANIFEST_MEMBERS if own.get(name) != kept.get(name)]
    expect(not differing, expected="the manifest as it is stored", got=f"another {', '.join(differing)}")
    known = [run_of["id"] for run_of in as_list(vault.get("/runs?limit=1").get("items"))]
    expect(known == [run["id"]], expected="the newest of the runs is this one", got=known)


@then("its files are those of the manifest, and for the owner's eyes alone")
def its_files_are_those_of_the_manifest(vault: Vault, made: Json) -> None:
    version_id = str(as_mapping(made["run"])["version_id"])
    manifest = vault.manifest(version_id)
    missing = MANIFEST_MEMBERS - set(manifest)
    expect(not missing, expected="all members of a manifest", got=f"no {', '.join(sorted(missing))}")
    about = {"id": version_id, "database": vault.database, "reason": "request", "labels": {}}
    got = {name: manifest[name] for name in about}
    expect(got == about, expected=str(about), got=got)
    files = as_list(manifest["files"])
    expect(bool(files), expected="files in the manifest", got="none")
    total = 0
    for file in files:
        data = vault.read(version_id, str(file["name"]))
        total += len(data)
        wanted = (len(data), hashlib.sha256(data).hexdigest())
        has = (file["size_bytes"], file["sha256"])
        expect(has == wanted, expected=f"{wanted} of {file['name']}", got=has)
    size = vault.version(version_id)["size_bytes"]
    expect(size == total, expected=f"size_bytes {total}", got=size)
    for path in vault.kept_here(version_id):
        mode = stat.S_IMODE(path.stat().st_mode)
        expect(mode & 0o077 == 0, expected=f"{path.name} is its owner's alone", got=oct(mode))


@dataclass(frozen=True)
class Moment:
    """A version, and what was in the database around it."""

    version_id: str
    rows: tuple[Row, ...]


@when("versions are made while others write in two tables at once", target_fixture="moments")
def versions_are_made_while_others_write(vault: Vault, content: Content) -> list[Moment]:
    schema = content.schema
    for table in ("left", "right"):
        vault.run("CREATE TABLE {}.{} (n bigint)", schema, table)
    over = threading.Event()

    def write() -> None:
        with vault.connect() as connection:
            number = 0
            while not over.is_set():
                number += 1
                with connection.transaction():
                    for table in ("left", "right"):
                        connection.execute(f'INSERT INTO "{schema}"."{table}" VALUES ({number})')

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        time.sleep(WRITERS_SECONDS)
        return [Moment(vault.create(), content.rows) for _ in range(2)]
    finally:
        over.set()
        for writer in writers:
            writer.join()


@then("zstd and pg_restore make of each what was in the database, and the two tables agree")
def zstd_and_pg_restore_make_of_each(vault: Vault, content: Content, moments: list[Moment]) -> None:
    address = vault.service.postgres.address
    counts = []
    for number, moment_ in enumerate(moments):
        archive = decompressed(vault.read(moment_.version_id, vault.dump_of(moment_.version_id)))
        name = f"stock_{vault.database}_{number}"
        address.create_database(name, "template0")
        try:
            done = address.run("pg_restore", "--exit-on-error", f"--dbname={name}", stdin=archive)
            expect(done.returncode == 0, expected="pg_restore ends with 0", got=done.stderr.decode()[-300:])
            rows = tuple(content.now(name))
            expect(
                rows == moment_.rows,
                expected=f"{len(moment_.rows)} rows as they were",
                got=f"{len(rows)} rows",
            )
            pair = [
                vault.run("SELECT count(*) FROM {}.{}", content.schema, table, database=name)[0][0]
                for table in ("left", "right")
            ]
            expect(
                pair[0] == pair[1], expected="two tables of one moment", got=f"{pair[0]} and {pair[1]} rows"
            )
            counted = {
                str(proof["name"]): proof["rows"]
                for proof in as_list(vault.source(moment_.version_id)["tables"])
                if proof["schema"] == content.schema
            }
            wanted = {"items": len(rows), "left": pair[0], "right": pair[1]}
            expect(counted == wanted, expected=f"rows {wanted} in the manifest", got=counted)
            counts.append(pair[0])
        finally:
            vault.run("DROP DATABASE {}", name, database="postgres")
    expect(counts[0] != counts[1], expected="writers that write on", got=counts, timing=True)


@when("versions are made with labels at each bound and beyond", target_fixture="labelled")
def versions_are_made_with_labels(vault: Vault) -> dict[str, Mapping[str, str]]:
    draw = vault.draw
    long_name = draw.word()[:1] + draw.text(62, "abc019_.-")
    good: list[dict[str, str]] = [
        {long_name: draw.text(256, draw.choice(("abcXYZ 019", "éäß", "漢字𝄞"))), "a": "é漢字:= &%+#"},
        {f"n{number}": draw.word() for number in range(32)},
    ]
    bad: list[object] = [
        {f"n{number}": "x" for number in range(33)},
        {f"{long_name}x": "x"},
        {draw.choice(("1abc", "Abc", "_a", "a b", "é", "")): "x"},
        {"a": draw.choice(("", "x" * 257, "tab\there", "line\nbreak"))},
        {"a": draw.choice((1, None, True, ["x"]))},
        draw.choice((["a"], "a:b", 1)),
    ]
    made = {vault.create(labels): labels for labels in good}
    before = ids(vault.versions())
    for labels in bad:
        is_problem(vault.ask("POST", "/versions", {"labels": labels}), INVALID)
    is_problem(vault.ask("POST", "/versions", {"label": {}}), INVALID)
    expect(ids(vault.versions()) == before, expected="no version by what is refused", got="another list")
    return dict(made)


@then("they are listed by each of their labels, and what is beyond is refused")
def they_are_listed_by_each_of_their_labels(vault: Vault, labelled: dict[str, Mapping[str, str]]) -> None:
    for version_id, labels in labelled.items():
        got = vault.version(version_id)["labels"]
        expect(got == labels, expected=str(labels), got=got)
        for name, value in vault.draw.shuffle(labels.items())[:2]:
            found = ids(vault.versions(f"label={name}:{escaped(value)}"))
            expect(found == [version_id], expected=f"one version with {name}:{value}", got=found)
            other = ids(vault.versions(f"label={name}:{escaped(value[1:] + 'Z')}"))
            expect(not other, expected="none with another value", got=other)
    for query in ("label=nothing", "label=:x", "label=a:", "limit=0", "limit=1001", "before=x"):
        is_problem(vault.ask("GET", f"/versions?{query}"), INVALID)


@when("a version is made of a database with an odd name, and restored", target_fixture="odd")
def a_version_is_made_of_a_database_with_an_odd_name(
    world: World, vault: Vault, service_settings: dict[str, str]
) -> tuple[str, str, list[Row]]:
    draw = vault.draw
    letter, sign = draw.choice(("é", "漢", "Ω")), draw.choice(("%41", "100%", "a=b"))
    odd = f"{draw.word()} {letter}{sign}'\"\\ {draw.text(8)}"
    postgres = vault.service.postgres
    postgres.address.create_database(odd, "template0")
    own = urlsplit(postgres.url)
    settings = {**service_settings, "DATABASE_URL": own._replace(path=f"/{quote(odd, safe='')}").geturl()}
    other = Vault(world.start_alone(settings), draw, settings, odd)
    other.run("CREATE TABLE items AS SELECT n FROM generate_series(1, 9) AS n")
    version_id = other.create()
    other.run("DELETE FROM items")
    other.restore(version_id)
    rows = other.run("SELECT n FROM items ORDER BY n")
    folders = sorted(entry.name for entry in other.service.data_folder.iterdir())
    expect(folders == [quote(odd, safe="")], expected=f"the folder {quote(odd, safe='')}", got=folders)
    place = other.place(version_id).parent.name
    return odd, place, rows


@then("its folder has that name, escaped, and its rows are back")
def its_folder_has_that_name(odd: tuple[str, str, list[Row]]) -> None:
    name, place, rows = odd
    expect(unquote(place) == name, expected=f"the folder of {name}", got=place)
    expect(rows == [(n,) for n in range(1, 10)], expected="nine rows", got=rows)


@when("three versions are made", target_fixture="three")
def three_versions_are_made(vault: Vault) -> list[tuple[str, datetime, datetime]]:
    made = []
    for _ in range(3):
        began = datetime.now(UTC)
        made.append((vault.create(), began, datetime.now(UTC)))
    return made


@then("their ids are ULIDs of their moments, and the list has the newest first, in pieces")
def their_ids_are_ulids(vault: Vault, three: list[tuple[str, datetime, datetime]]) -> None:
    for version_id, began, ended in three:
        expect(ULID.fullmatch(version_id) is not None, expected="a ULID", got=version_id)
        taken = moment(vault.version(version_id)["taken_at"])
        expect(began - MARGIN <= taken <= ended, expected=f"taken_at from {began} to {ended}", got=taken)
        apart = abs((ulid_time(version_id) - taken).total_seconds())
        expect(apart <= 0.001, expected=f"an id of {taken}", got=ulid_time(version_id))
        name = vault.place(version_id).name
        wanted = f"{taken:%Y%m%dT%H%M%SZ}-{version_id}"
        expect(name == wanted, expected=f"the folder {wanted}", got=name)
    newest = [version_id for version_id, _, _ in reversed(three)]
    for limit in (1, 2, 3):
        got = ids(vault.versions(f"limit={limit}"))
        expect(got == newest[:limit], expected=f"the newest {limit}", got=got)
    got = ids(vault.versions(f"before={newest[0]}&limit=2"))
    expect(got == newest[1:], expected="the two before the newest", got=got)
    everything = ids(vault.versions())
    expect(everything == sorted(everything, reverse=True), expected="the newest first", got=everything)


@when("many runs are asked for while one waits for a table", target_fixture="answers")
def many_runs_are_asked_for(vault: Vault, content: Content) -> tuple[Json, list[Exchange], Json]:
    version_id = vault.create()
    schema = content.schema
    with vault.connect() as connection, connection.transaction():
        connection.execute(f'LOCK TABLE "{schema}".items IN ACCESS EXCLUSIVE MODE')
        run = vault.begin("/versions", {})
        headers = {"Content-Type": "application/json", **vault.authorization}
        bodies = {
            "/versions": b"{}",
            f"/versions/{version_id}/verify": b"{}",
            f"/versions/{version_id}/drill": b"{}",
            "/restores": f'{{"version_id": "{version_id}"}}'.encode(),
        }
        requests = [Request("POST", f"{API}{path}", headers, body) for path, body in bodies.items()]
        answers = [answer for process in (0, 1) for answer in vault.service.burst(requests, process=process)]
        running = vault.get(f"/runs/{run['id']}", process=1)
    return run, answers, running


@then("all others are refused with 409, and one goes through behind it")
def all_others_are_refused(vault: Vault, answers: tuple[Json, list[Exchange], Json]) -> None:
    run, refused, running = answers
    for answer in refused:
        problem = is_problem(answer, CONFLICT)
        expect(problem["code"] == "run_in_progress", expected="code run_in_progress", got=problem["code"])
    expect(running["state"] == "running", expected="the other process sees it run", got=running["state"])
    vault.succeeded(run)
    headers = {"Content-Type": "application/json", **vault.authorization}
    racing = [Request("POST", f"{API}/versions", headers, b"{}")] * 6
    outcome = [answer for process in (0, 1) for answer in vault.service.burst(racing, process=process)]
    begun = [as_object(answer) for answer in outcome if answer.status == ACCEPTED]
    others = {answer.status for answer in outcome} - {ACCEPTED}
    expect(others <= {CONFLICT}, expected="202 or 409", got=others)
    spans = []
    for one in begun:
        ended = vault.succeeded(one)
        spans.append((moment(ended["started_at"]), moment(ended["finished_at"])))
    spans.sort()
    apart = all(first[1] <= second[0] for first, second in pairwise(spans))
    expect(bool(spans) and apart, expected="runs one after another", got=spans)


@when("another service that was never asked gets the same storage", target_fixture="other")
def another_service_gets_the_same_storage(
    world: World, vault: Vault, content: Content, service_settings: dict[str, str]
) -> Vault:
    version_id = vault.create({"made_by": "another"})
    vault.succeeded(vault.begin(f"/versions/{version_id}/verify"))
    postgres = vault.service.postgres
    settings = {
        **service_settings,
        "DATA_DIR": str(vault.service.data_folder),
        "DATABASE_URL": postgres.url,
    }
    del content
    return Vault(world.start_alone(settings), world.draw, settings)


@then("it shows the same versions and runs, and restores what it has not made")
def it_shows_the_same_versions(vault: Vault, content: Content, other: Vault) -> None:
    expect(
        other.versions() == vault.versions(), expected="the same versions", got=shown_ids(other.versions())
    )
    runs = [as_list(one.get("/runs?limit=5")["items"]) for one in (vault, other)]
    expect(runs[0] == runs[1], expected="the same runs", got=[shown(run) for run in runs[1]])
    version_id = ids(vault.versions("label=made_by:another"))[0]
    vault.run("DELETE FROM {}.items", content.schema)
    other.succeeded(other.begin("/restores", {"version_id": version_id}))
    rows = tuple(content.now())
    expect(rows == content.rows, expected=f"{len(content.rows)} rows as they were", got=f"{len(rows)} rows")


@then("one that has a copy of the versions and nothing else brings back a database that is gone")
def one_that_has_a_copy_of_the_versions(world: World, vault: Vault, content: Content) -> None:
    copy = world.folder("copy")
    for place in map(vault.place, ids(vault.versions())):
        shutil.copytree(place, copy / place.parent.name / place.name)
    settings = {**vault.settings, "DATA_DIR": str(copy), "DATABASE_URL": vault.service.postgres.url}
    newcomer = Vault(world.start_alone(settings), world.draw, settings)
    brings_all_back(vault, newcomer, content)


def brings_all_back(vault: Vault, newcomer: Vault, content: Content) -> None:
    """Demand of who has nothing but the storage that it lists, verifies and restores all."""
    told = ("id", "taken_at", "labels", "reason", "size_bytes", "is_damaged")
    lists = [
        [{name: version[name] for name in told} for version in one.versions()] for one in (vault, newcomer)
    ]
    expect(lists[0] == lists[1], expected="the same versions", got=lists[1])
    version_id = ids(vault.versions("label=made_by:another"))[0]
    newcomer.succeeded(newcomer.begin(f"/versions/{version_id}/verify"))
    vault.run("DROP DATABASE {} WITH (FORCE)", vault.database, database="postgres")
    newcomer.restore(version_id)
    rows = tuple(content.now())
    expect(rows == content.rows, expected=f"{len(content.rows)} rows as they were", got=f"{len(rows)} rows")


def moment(value: object) -> datetime:
    """Read a time in UTC."""
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        read = datetime.fromtimestamp(0)  # noqa: DTZ006 - of no zone, and so refused
    is_utc = read.tzinfo is not None and read.utcoffset() == timedelta(0)
    expect(is_utc, expected="a time in UTC", got=value)
    return read


def moment_of(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value


def as_ids(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def ulid_time(text: str) -> datetime:
    number = 0
    for character in text[:10]:
        number = number * 32 + CROCKFORD.index(character)
    return datetime.fromtimestamp(number / 1000, UTC)


def escaped(text: str) -> str:
    return quote(text, safe="")


def shown_ids(versions: list[Json]) -> str:
    return ", ".join(ids(versions))
