"""Steps of export.feature: what an export replaces, and what it is never made of."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    FaultProxy,
    World,
    expect,
    expect_refused_starts,
    is_problem,
    started_with_each,
    wait_until_ready,
)

from .people import QUERIES, REPLACED, People, people_in
from .roles import new_role
from .test_failures import once
from .test_verification import cut
from .vault import CONFLICT, PATIENCE_SECONDS, Json, Row, Vault, as_list, as_mapping, decompressed, shown

scenarios("export.feature")

GONE_SECONDS = 10.0
INSERTS = 5

type Tables = dict[str, list[Row]]


@pytest.fixture
def rules_file(world: World) -> Path:
    return Path(world.file("rules", "\n"))


@given("a backup service with rules of what is personal", target_fixture="vault")
def a_backup_service_with_rules(world: World, rules_file: Path, service_settings: dict[str, str]) -> Vault:
    settings = {**service_settings, "EXPORT_RULES_FILE": str(rules_file), "EXPORT_KEY": drawn_key(world)}
    return Vault(world.start_alone(settings), world.draw, settings)


def drawn_key(world: World) -> str:
    """Return a key of one of the lengths that are allowed, of which HMAC takes some otherwise than others."""
    length = world.draw.choice((16, 64, 65, 256, world.draw.integer(17, 255)))
    return world.draw.text(length)[:length].ljust(length, "k")


@given("people and their orders in its database", target_fixture="people")
def people_and_their_orders(vault: Vault, rules_file: Path) -> People:
    people = people_in(vault)
    rules_file.write_text(people.rules)
    return people


def export(vault: Vault, version_id: str, *, process: int = 0) -> Json:
    return vault.begin(f"/versions/{version_id}/export", process=process)


def outgoing(vault: Vault) -> set[Path]:
    folder = vault.folder / "outgoing"
    return set(folder.iterdir()) if folder.exists() else set()


@contextmanager
def restored(vault: Vault, run: Json) -> Iterator[tuple[str, str]]:
    """Restore an export by stock tools alone, and return the database's name and the dump as a script."""
    name = str(run.get("file"))
    path = vault.folder / "outgoing" / name
    expect(
        path in outgoing(vault), expected=f"{name} in outgoing", got=sorted(p.name for p in outgoing(vault))
    )
    expect(
        path.stat().st_mode & 0o077 == 0, expected="a file for the owner's eyes", got=oct(path.stat().st_mode)
    )
    archive = decompressed(path.read_bytes())
    address, database = vault.service.postgres.address, f"export_{vault.database}"
    address.create_database(database, "template0")
    try:
        done = address.run(
            "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={database}", stdin=archive
        )
        expect(done.returncode == 0, expected="pg_restore ends with 0", got=done.stderr.decode()[-300:])
        script = address.run("pg_restore", "--file=-", stdin=archive).stdout.decode()
        yield database, script
    finally:
        vault.run("DROP DATABASE {}", database, database="postgres")


@dataclass
class Exports:
    """What was in the live database, and what came out of each export of it."""

    live: Tables
    role: str
    kept: list[Tables] = field(default_factory=list)
    replaced: list[Tables] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    objects: int = 0
    inserted: int = 0


@when("a version is exported, again from another process, and with another key", target_fixture="exports")
def a_version_is_exported(vault: Vault, people: People) -> Exports:
    role = new_role(vault, "owner")
    people.execute(f'ALTER TABLE {{s}}.staff OWNER TO "{role}"; GRANT SELECT ON {{s}}.people TO "{role}"')
    people.execute("SELECT lo_from_bytea(0, 'of somebody')")
    version_id = vault.create()
    exports = Exports(people.ask(QUERIES | REPLACED), role)
    vault.service.add("web")
    key = vault.settings["EXPORT_KEY"]
    vault.service.add("web", {"EXPORT_KEY": f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}"})
    for process in range(3):
        run = vault.succeeded(export(vault, version_id, process=process), process=process)
        with restored(vault, run) as (database, script):
            exports.kept.append(people.ask(QUERIES, database))
            exports.replaced.append(people.ask(REPLACED, database))
            exports.scripts.append(script)
            exports.objects += len(vault.run("SELECT oid FROM pg_largeobject_metadata", database=database))
            for _ in range(INSERTS):
                people.execute("INSERT INTO {s}.people (full_name) VALUES ('new')", database)
    return exports


@then("stock tools make a database of it, in which only what rules name is replaced")
def only_what_rules_name_is_replaced(exports: Exports) -> None:
    for kept in exports.kept:
        for what in QUERIES:
            same = kept[what] == exports.live[what]
            expect(same, expected=f"{what} as in the live database", got=f"{kept[what][:3]} and so on")
    for replaced in exports.replaced:
        for table, rows in replaced.items():
            for before, after in zip(exports.live[table], rows, strict=True):
                left = [
                    (old, new)
                    for old, new in zip(before[1:], after[1:], strict=True)
                    if (old is None) != (new is None) or (old is not None and old == new)
                ]
                expect(not left, expected=f"a replacement of each value in {table}", got=left)
        mails = {str(mail) for person in replaced["what people were"] for mail in person[3:5] if mail}
        bad = sorted(mail for mail in mails if not mail.endswith(".invalid") or mail.count("@") != 1)
        expect(not bad, expected="mails at a host below .invalid", got=bad[:3])
    secrets = {
        value
        for table in REPLACED
        for row in exports.live[table]
        for value in row[1:]
        if isinstance(value, str)
    }
    for script in exports.scripts:
        told = sorted(secret for secret in {*secrets, exports.role} if secret in script)
        expect(not told, expected="nothing in the dump of what was replaced, and no role", got=told[:3])
    expect(exports.objects == 0, expected="no large objects", got=exports.objects)


@then("the same is replaced by the same everywhere, and with another key by another")
def the_same_is_replaced_by_the_same(exports: Exports) -> None:
    first, again, other = exports.replaced
    expect(again == first, expected="the same replacements with the same key", got="others")
    for table, rows in first.items():
        for column, values in enumerate(zip(*rows, strict=True)):
            others = {row[column] for row in other[table]} - {None}
            common = (set(values) - {None}) & others
            expect(
                column == 0 or not common,
                expected=f"others with another key in {table}",
                got=list(common)[:3],
            )


@then("the live database is as it was, and nothing is left beside it")
def the_live_database_is_as_it_was(vault: Vault, people: People, exports: Exports) -> None:
    same = people.ask(QUERIES | REPLACED) == exports.live
    expect(same, expected="the live database as it was", got="another")
    expect(not vault.databases(), expected="no database beside it", got=sorted(vault.databases()))
    expect(
        len(outgoing(vault)) == 3, expected="three exports", got=sorted(path.name for path in outgoing(vault))
    )


@dataclass(frozen=True)
class Attempt:
    """Rules that were to fail, with which code, and what the run or the answer said."""

    what: str
    code: str
    names: str
    got: Json
    left: list[str]


@when("exports are asked for that forget a column, do not fit, or are interrupted", target_fixture="attempts")
def exports_that_are_none(
    world: World, vault: Vault, people: People, rules_file: Path, postgres: FaultProxy
) -> list[Attempt]:
    version_id, attempts = vault.create(), []

    def left() -> list[str]:
        return sorted([*(path.name for path in outgoing(vault)), *vault.databases()])

    for what, (code, names, rules) in bad_rules(people).items():
        rules_file.write_text(rules)
        ended = vault.ended(export(vault, version_id))
        attempts.append(Attempt(what, code, names, ended, left()))
    rules_file.write_text(people.rules)
    for hidden in HIDDEN_MAILS:
        people.execute(f"TRUNCATE {{s}}.more; {hidden}")
        ended = vault.ended(export(vault, vault.create()))
        attempts.append(Attempt(f"a mail by {hidden}", "rule_missing", "more", ended, left()))
    people.execute("TRUNCATE {s}.more")
    damaged = vault.create()
    cut(vault, damaged)
    attempts.append(
        Attempt("a damaged version", "truncated", "", vault.ended(export(vault, damaged)), left())
    )
    are_refused(world, vault, people, rules_file, version_id)
    for begun in vault.draw.shuffle((lambda: bool(left()), lambda: bool(outgoing(vault)))):
        with postgres.delay(0.004):
            run = export(vault, version_id)
            once(begun, PATIENCE_SECONDS)
            vault.service.web.kill()
        vault.service.web.restart()
        wait_until_ready(vault.service.web)
        ended = vault.ended(run, seconds=GONE_SECONDS)
        once(lambda: not left(), GONE_SECONDS)
        attempts.append(Attempt("a service that is killed", "interrupted", "", ended, left()))
    return attempts


HIDDEN_MAILS = (
    """INSERT INTO {s}.more (doc) VALUES ('{"of": ["x@y"]}')""",
    "INSERT INTO {s}.more (words) VALUES (ARRAY['none', 'x@y'])",
    r"INSERT INTO {s}.more (body) VALUES ('\x00ff78407900')",
)


def bad_rules(people: People) -> Mapping[str, tuple[str, str, str]]:
    """Return rules that fail a run: the code, what its detail names, and all rules."""
    good, s = people.rules, people.schema

    def without(rule: str) -> str:
        return "".join(line for line in good.splitlines(keepends=True) if rule not in line)

    missing = {
        "a mail that is forgotten": ("rule_missing", f"{s}.people.second", without("second")),
        "no rule for a partition": ("rule_missing", f"{s}.orders_", without("mail = email")),
        "what staff is called": ("rule_missing", f"{s}.staff.login", without("login")),
    }
    failing = {
        "a column that is not there": ("rule_failed", "phone", f"{good}{s}.people.phone = null"),
        "a table that is not there": ("rule_failed", "folk", f"{good}{s}.folk.email = keep"),
        "a table of another schema": ("rule_failed", "people", f"{good}people.born = null"),
        "two rules for a column": ("rule_failed", "email", f"{good}{s}.people.email = null"),
        "a rule for what has one already": ("rule_failed", "mail", f"{good}{s}.orders_low.mail = null"),
        "a name in the place of a date": ("rule_failed", "", f"{good}{s}.people.born = name"),
        "nothing where something has to be": (
            "rule_failed",
            "",
            good.replace("full_name = name", "full_name = null"),
        ),
        "one end of a foreign key": ("rule_failed", "", without(".person_id")),
    }
    return {**missing, **failing}


def are_refused(world: World, vault: Vault, people: People, rules_file: Path, version_id: str) -> None:
    """Demand that what cannot begin is refused."""
    bad = [
        ("EXPORT_KEY", "k" * vault.draw.choice((15, 257))),
        ("EXPORT_RULES_FILE", vault.draw.choice(("rules", "/nowhere/at/all", str(rules_file.parent)))),
    ]
    expect_refused_starts(
        started_with_each(bad, lambda name, value: world.start_unready({**vault.settings, name: value}))
    )
    vault.service.add("web", {"EXPORT_KEY": ""})
    vault.service.add("web", {"EXPORT_RULES_FILE": ""})
    line = vault.draw.choice(("people.email", "= name", "people.email = mail", "people.email = Name", "keep"))
    for process, code, rules in ((1, "no_key", ""), (2, "no_rules", ""), (0, "bad_rule", line)):
        rules_file.write_text(f"{people.rules}{rules}\n")
        answer = vault.ask("POST", f"/versions/{version_id}/export", {}, process=process)
        problem = is_problem(answer, CONFLICT)
        got = (problem.get("code"), [error["code"] for error in as_list(problem.get("errors"))])
        expect(got == ("preflight_failed", [code]), expected=f"preflight_failed with {code}", got=got)
    rules_file.write_text(people.rules)


@then("each is refused or fails with its code, and leaves nothing")
def each_fails_with_its_code(attempts: list[Attempt]) -> None:
    for attempt in attempts:
        got = (attempt.got["state"], attempt.got["code"])
        wanted = f"{attempt.what} to fail with {attempt.code}"
        expect(got == ("failed", attempt.code), expected=wanted, got=shown(attempt.got))
        named = attempt.names in str(attempt.got["detail"])
        expect(named, expected=f"{attempt.names} in the detail of {attempt.what}", got=attempt.got["detail"])
        expect(not attempt.left, expected=f"nothing left of {attempt.what}", got=attempt.left)


@then("the version is no worse for it, and is exported once the rules are right")
def the_version_is_no_worse(vault: Vault, people: People) -> None:
    versions = [version for version in vault.versions() if version["verification"] is not None]
    damaged = [as_mapping(version["verification"])["code"] for version in versions]
    expect(damaged == ["truncated"], expected="one version that is damaged, and none besides", got=damaged)
    oldest = str(vault.versions()[-1]["id"])
    with restored(vault, vault.succeeded(export(vault, oldest))) as (database, _):
        same = people.ask(QUERIES, database) == people.ask(QUERIES)
        expect(same, expected="what no rule names, as it is", got="other rows")
