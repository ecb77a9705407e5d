"""Steps of verification.feature: damage, drills, and dumps of others."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pytest_bdd import scenarios, then, when

from kata.steps import describe_answer, expect, is_problem

from .content import Content
from .vault import CONFLICT, INVALID, MANIFEST, Json, Vault, as_list, as_mapping, ids, shown

scenarios("verification.feature")


@dataclass(frozen=True)
class Damaged:
    """A version, what was done to it, and the code that this has."""

    version_id: str
    what: str
    code: str


def flip(vault: Vault, version_id: str) -> None:
    name = vault.dump_of(version_id)
    data = bytearray(vault.read(version_id, name))
    at = vault.draw.choice((0, len(data) - 1, vault.draw.integer(0, len(data) - 1)))
    data[at] ^= 1 << vault.draw.integer(0, 7)
    vault.write(version_id, name, bytes(data))


def cut(vault: Vault, version_id: str) -> None:
    name = vault.dump_of(version_id)
    data = vault.read(version_id, name)
    size = len(data)
    vault.write(version_id, name, data[: vault.draw.choice((0, size - 1, vault.draw.integer(0, size - 1)))])


def shorten(vault: Vault, version_id: str) -> None:
    name = vault.dump_of(version_id)
    vault.write(version_id, name, vault.read(version_id, name)[:-1])


def lengthen(vault: Vault, version_id: str) -> None:
    name = vault.dump_of(version_id)
    vault.write(version_id, name, vault.read(version_id, name) + b"\0")


def swap_with_another(vault: Vault, version_id: str) -> None:
    """Put in its place what is as long, and of which each byte is good."""
    name = vault.dump_of(version_id)
    data = vault.read(version_id, name)
    vault.write(version_id, name, data[1:] + data[:1])


def change_manifest(vault: Vault, version_id: str) -> None:
    """Change one value, so that it is still a manifest."""
    manifest = json.loads(vault.read(version_id, MANIFEST))
    source = manifest["source"]
    draw = vault.draw

    def another_count() -> None:
        table = draw.choice(source["tables"])
        table["rows"] += 1

    def another_hash() -> None:
        table = draw.choice(source["tables"])
        table["hash"] = table["hash"][:-1] + ("0" if table["hash"][-1] != "0" else "1")

    def another_file() -> None:
        file = draw.choice(manifest["files"])
        file["sha256"] = file["sha256"][::-1]

    def another_label() -> None:
        manifest["labels"]["x"] = draw.word()

    def another_owner() -> None:
        source["properties"]["owner"] = "nobody"

    def no_table() -> None:
        source["tables"] = []

    change: Callable[[], None] = draw.choice(
        (another_count, another_hash, another_file, another_label, another_owner, no_table)
    )
    change()
    vault.write(version_id, MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode())


def tear_manifest(vault: Vault, version_id: str) -> None:
    whole = vault.read(version_id, MANIFEST)
    vault.write(version_id, MANIFEST, whole[: vault.draw.integer(0, len(whole) - 3)])


def take_another_manifest(vault: Vault, version_id: str) -> None:
    whole = ids([version for version in vault.versions() if not version["is_damaged"]])
    other = next(one for one in whole if one != version_id)
    vault.write(version_id, MANIFEST, vault.read(other, MANIFEST))


WAYS: Mapping[str, tuple[str, Callable[[Vault, str], None]]] = {
    "a bit flipped": ("checksum", flip),
    "a byte more": ("checksum", lengthen),
    "the bytes in another order": ("checksum", swap_with_another),
    "a byte less": ("truncated", shorten),
    "cut off": ("truncated", cut),
    "gone": ("missing", lambda vault, version_id: vault.remove(version_id, vault.dump_of(version_id))),
    "another value in the manifest": ("manifest", change_manifest),
    "the manifest cut off": ("manifest", tear_manifest),
    "the manifest of another version": ("manifest", take_another_manifest),
}


def ways(vault: Vault) -> Collection[str]:
    """Return all ways, or one for each code, where others have seen all of them."""
    by_code = {WAYS[what][0]: what for what in vault.draw.shuffle(WAYS)}
    return by_code.values() if vault.damages_drawn else WAYS


@when("versions are damaged in every way", target_fixture="damaged")
def versions_are_damaged_in_every_way(vault: Vault) -> list[Damaged]:
    whole = vault.create()
    made = [(vault.create(), what) for what in ways(vault)]
    damaged = []
    for version_id, what in made:
        code, damage = WAYS[what]
        damage(vault, version_id)
        damaged.append(Damaged(version_id, what, code))
    vault.succeeded(vault.begin(f"/versions/{whole}/verify"))
    passed = as_mapping(vault.version(whole)["verification"])
    got = {name: passed.get(name) for name in ("level", "passed", "code")}
    wanted = {"level": "checksum", "passed": True, "code": None}
    expect(got == wanted, expected=f"{wanted} of what is whole", got=got)
    return damaged


@then("verification names each damage, and passes what is whole")
def verification_names_each_damage(vault: Vault, damaged: list[Damaged]) -> None:
    for one in damaged:
        ended = vault.ended(vault.begin(f"/versions/{one.version_id}/verify"))
        got = (ended["state"], ended["code"])
        expect(got == ("failed", one.code), expected=f"{one.code}, for {one.what}", got=shown(ended))
        version = vault.version(one.version_id)
        verification = as_mapping(version["verification"])
        got = (verification["passed"], verification["code"])
        expect(got == (False, one.code), expected=f"{one.code} of the version, for {one.what}", got=got)
        is_damaged = version["is_damaged"]
        wanted = one.code == "manifest"
        expect(is_damaged == wanted, expected=f"is_damaged {wanted}, for {one.what}", got=is_damaged)


@then("none of them is restored, and the live database is as it was")
def none_of_them_is_restored(vault: Vault, content: Content, damaged: list[Damaged]) -> None:
    content.add()
    rows, before = content.now(), vault.databases()
    for one in damaged:
        answer = vault.ask("POST", "/restores", {"version_id": one.version_id})
        if one.code == "checksum":
            expect(answer.status == 202, expected="202", got=describe_answer(answer), answer=answer)
            run = json.loads(answer.body)
            vault.failed(run, one.code)
        else:
            problem = is_problem(answer, CONFLICT)
            codes = [error["code"] for error in as_list(problem.get("errors"))]
            expect(codes == [one.code], expected=f"errors with {one.code}, for {one.what}", got=codes)
        expect(content.now() == rows, expected=f"the live rows behind {one.what}", got="others")
        drilled = vault.ended(vault.begin(f"/versions/{one.version_id}/drill"))
        got = (drilled["state"], drilled["code"])
        expect(got == ("failed", one.code), expected=f"a drill fails with {one.code}", got=shown(drilled))
    is_left_by_none(vault, before)


@when("a version is drilled while the database goes on", target_fixture="drilled")
def a_version_is_drilled(vault: Vault, content: Content) -> Json:
    version_id, before = vault.create(), vault.databases()
    content.add()
    with vault.connect() as reader:  # a session that stays has nothing to fear
        run = vault.succeeded(vault.begin(f"/versions/{version_id}/drill"))
        reader.execute("SELECT 1")
    is_left_by_none(vault, before)
    return run


def is_left_by_none(vault: Vault, before: set[str]) -> None:
    """Demand that no run has left a database beside those that other checks have left to be undone."""
    more = vault.databases() - before
    expect(not more, expected="no database is left", got=sorted(more))


@then("it is proven, the drill says how long it took, and nothing of it is left")
def it_is_proven(vault: Vault, content: Content, drilled: Json) -> None:
    version = vault.version(str(drilled["version_id"]))
    verification = as_mapping(version["verification"])
    got = {name: verification.get(name) for name in ("level", "passed", "code")}
    wanted = {"level": "compared", "passed": True, "code": None}
    expect(got == wanted, expected=str(wanted), got=got)
    began, ended = (datetime.fromisoformat(str(drilled[name])) for name in ("started_at", "finished_at"))
    seconds = verification.get("recovery_seconds")
    longest = (ended - began).total_seconds() + 0.1
    right = isinstance(seconds, float) and 0 < seconds <= longest
    expect(right, expected=f"recovery_seconds up to {longest:.3f}", got=seconds)
    expect(drilled.get("recovery_seconds") == seconds, expected="the same in the run", got=drilled)
    proven = version["proven_at"]
    right = isinstance(proven, str) and began <= datetime.fromisoformat(proven) <= ended + timedelta(
        seconds=0.1
    )
    expect(right, expected="proven_at within the drill", got=proven)
    more = len(content.now()) - len(content.rows)
    expect(more == 1, expected="the live rows, with the one since", got=f"{more} more")


@then("a version that turns out to be damaged is proven no more")
def a_version_that_turns_out_to_be_damaged(vault: Vault, drilled: Json) -> None:
    version_id = str(drilled["version_id"])
    flip(vault, version_id)
    vault.failed(vault.begin(f"/versions/{version_id}/verify"), "checksum")
    proven = vault.version(version_id)["proven_at"]
    expect(proven is None, expected="proven_at null", got=proven)


@when("versions hold what comes out otherwise", target_fixture="otherwise")
def versions_hold_what_comes_out_otherwise(vault: Vault) -> list[tuple[str, str]]:
    """Make versions, each with the name of what differs once it is restored.

    A generated column is not dumped but computed anew: here of what its function may not look at. An index is
    made behind all else, and its function does what it may not do.
    """
    schema, table, sequence = (vault.draw.word() for _ in range(3))
    with vault.connect() as connection:
        connection.execute(
            f"CREATE SCHEMA {schema}; CREATE SEQUENCE {schema}.s_{sequence};"
            f" CREATE FUNCTION {schema}.stamp(int) RETURNS text IMMUTABLE LANGUAGE plpgsql"
            " AS 'BEGIN RETURN pg_backend_pid()::text || $1; END';"
            f" CREATE TABLE {schema}.t_{table}"
            f" (id int, stamp text GENERATED ALWAYS AS ({schema}.stamp(id)) STORED);"
            f" INSERT INTO {schema}.t_{table} (id) VALUES (1), (2)"
        )
    made = [(vault.create(), f"t_{table}")]
    what, act = vault.draw.choice(
        (
            (f"s_{sequence}", f"nextval(''{schema}.s_{sequence}'')"),
            ("large objects", "lo_create(0)"),
        )
    )
    with vault.connect() as connection:
        connection.execute(
            f"DROP TABLE {schema}.t_{table}; CREATE TABLE {schema}.plain AS SELECT 1 AS id;"
            f" CREATE FUNCTION {schema}.act(int) RETURNS int IMMUTABLE LANGUAGE plpgsql"
            f" AS 'BEGIN PERFORM {act}; RETURN $1; END';"
            f" CREATE INDEX ON {schema}.plain ({schema}.act(id))"
        )
    return [*made, (vault.create(), what)]


@then(
    "their drills and their restores fail with content_differs and name it,"
    " and the live database is as it was"
)
def their_drills_and_their_restores_fail(
    vault: Vault, content: Content, otherwise: list[tuple[str, str]]
) -> None:
    for version_id, what in otherwise:
        for path, body in ((f"/versions/{version_id}/drill", {}), ("/restores", {"version_id": version_id})):
            run = vault.failed(vault.begin(path, body), "content_differs")
            detail = str(run["detail"])
            expect(what in detail, expected=f"{what} in the detail", got=detail)
            expect(tuple(content.now()) == content.rows, expected="the live rows", got="others")
        proven = vault.version(version_id)["proven_at"]
        expect(proven is None, expected="proven_at null", got=proven)
    expect(not vault.databases(), expected="no database is left", got=sorted(vault.databases()))


@when("files are imported that pg_dump has made, and others", target_fixture="imported")
def files_are_imported(vault: Vault) -> tuple[str, datetime]:
    incoming = vault.folder / "incoming"
    expect(incoming.is_dir(), expected="a folder `incoming`", got="none")
    dump = vault.service.postgres.address.run("pg_dump", "--format=custom", database=vault.database)
    name = f"{vault.draw.word()} é.dump"
    (incoming / name).write_bytes(dump.stdout)
    (incoming / "link").symlink_to(incoming / name)
    (incoming / "text").write_text(vault.draw.text(3000))
    before = ids(vault.versions())
    outside = next(vault.place(before[0]).glob("*")) if before else incoming
    for bad in (
        "",
        "nothing",
        "link",
        f"../{outside.parent.name}/{outside.name}",
        str(incoming / name),
        ".",
        "..",
    ):
        is_problem(vault.ask("POST", "/imports", {"file": bad}), INVALID)
    now = datetime.now(UTC)
    for bad_time in (
        "1969-12-31T23:59:59Z",
        (now + timedelta(hours=1)).isoformat(),
        "2020-01-01T00:00:00",
        "x",
    ):
        is_problem(vault.ask("POST", "/imports", {"file": name, "taken_at": bad_time}), INVALID)
    vault.failed(vault.begin("/imports", {"file": "text"}), "restore_failed")
    expect(
        ids(vault.versions()) == before, expected="no version by what is refused", got=ids(vault.versions())
    )
    taken_at = now.replace(microsecond=0) - timedelta(seconds=vault.draw.integer(10**5, 10**9))
    version_id = vault.import_(name, taken_at=taken_at.isoformat(), labels={"from": "elsewhere"})
    return version_id, taken_at


@then("what pg_dump has made is a version of its time, and the others are refused")
def what_pg_dump_has_made_is_a_version(
    vault: Vault, content: Content, imported: tuple[str, datetime]
) -> None:
    version_id, taken_at = imported
    version = vault.version(version_id)
    got = {name: version[name] for name in ("reason", "labels", "verification", "is_damaged")}
    wanted = {"reason": "import", "labels": {"from": "elsewhere"}, "verification": None, "is_damaged": False}
    expect(got == wanted, expected=str(wanted), got=got)
    source = vault.manifest(version_id)["source"]
    expect(source is None, expected="source null", got=source)
    taken = datetime.fromisoformat(str(version["taken_at"]))
    expect(taken == taken_at, expected=f"taken_at {taken_at}", got=taken)
    vault.succeeded(vault.begin(f"/versions/{version_id}/drill"))
    level = as_mapping(vault.version(version_id)["verification"])["level"]
    expect(level == "restored", expected="level restored", got=level)
    vault.run("DELETE FROM {}.items", content.schema)
    vault.restore(version_id)
    rows = tuple(content.now())
    expect(rows == content.rows, expected="the rows of the dump", got=f"{len(rows)} rows")
