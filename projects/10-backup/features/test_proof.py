"""Steps of proof.feature: hashes that see everything, and what lies outside of the database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import expect

from .roles import new_role, url_as
from .vault import MANIFEST, Json, Vault, as_list, as_mapping, ids

scenarios("proof.feature")

type Proofs = Mapping[str, tuple[object, object]]

TABLES = """
    CREATE TABLE {s}.plain (id int, t text, x text, note text);
    INSERT INTO {s}.plain SELECT n, 'same', 'same', md5((n * {n})::text) FROM generate_series(1, {n}) AS n;
    CREATE TABLE {s}.typed (at timestamptz, span interval, ratio float8, body bytea, day date, kind regclass);
    INSERT INTO {s}.typed VALUES ('2020-01-02 03:04:05.678Z', '1 year 2 days 03:04:05', 1/3::float8,
        '\\x00ff10', '2021-12-31', '{s}.plain'), (NULL, NULL, NULL, '', NULL, NULL);
    CREATE TABLE {s}.empty (id int);
    CREATE TABLE {s}.twins (word text);
    INSERT INTO {s}.twins VALUES ('a'), ('a'), ('c');
    CREATE TABLE {s}.parts (id int, word text) PARTITION BY RANGE (id);
    CREATE TABLE {s}.parts_low PARTITION OF {s}.parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE {s}.parts_high PARTITION OF {s}.parts FOR VALUES FROM (10) TO (20);
    INSERT INTO {s}.parts VALUES (1, 'low'), (2, 'low'), (11, 'high');
    CREATE TABLE {s}.mother (id int);
    CREATE TABLE {s}.child (more text) INHERITS ({s}.mother);
    INSERT INTO {s}.mother VALUES (1);
    INSERT INTO {s}.child VALUES (2, 'x'), (3, 'y');
    CREATE UNLOGGED TABLE {s}."Odd ""name"", é" (x int);
    INSERT INTO {s}."Odd ""name"", é" VALUES (7);
    CREATE VIEW {s}.seen AS SELECT now() AS at;
    CREATE MATERIALIZED VIEW {s}.kept AS SELECT now() AS at;
"""
SETTINGS = {
    "TimeZone": ("Asia/Kathmandu", "America/St_Johns"),
    "DateStyle": ("German, DMY", "SQL, MDY"),
    "IntervalStyle": ("sql_standard", "postgres_verbose"),
    "extra_float_digits": ("0", "-3"),
    "bytea_output": ("escape",),
    "search_path": ("{s}, public", "{s}"),
}


@dataclass(frozen=True)
class Proven:
    """What manifests said of the tables of a schema: at first, under other settings, after each change."""

    first: Proofs
    under_settings: Proofs
    reordered: Proofs
    changed: Mapping[str, tuple[Proofs, Proofs]]
    rows: Mapping[str, int]


def execute(vault: Vault, text: str) -> None:
    with vault.connect() as connection:
        connection.execute(text)


def proofs(vault: Vault, schema: str) -> Proofs:
    """Make a version, and return what it says of the tables."""
    tables = as_list(vault.source(vault.create())["tables"])
    return {
        str(table["name"]): (table["rows"], table["hash"]) for table in tables if table["schema"] == schema
    }


@when(
    "tables of every kind are proven, again under other settings, and again after each change",
    target_fixture="proven",
)
def tables_of_every_kind_are_proven(vault: Vault) -> Proven:
    draw = vault.draw
    # As few as one looks through, and more than one would look at.
    schema, count = draw.word(), draw.choice((draw.integer(5, 400), draw.integer(2000, 5000)))
    execute(vault, f"CREATE SCHEMA {schema}; {TABLES.replace('{s}', schema).replace('{n}', str(count))}")
    first = proofs(vault, schema)
    for name, values in SETTINGS.items():
        value = draw.choice(values).replace("{s}", schema)
        text = value if name == "search_path" else repr(value)
        execute(vault, f'ALTER DATABASE "{vault.database}" SET {name} = {text}')
    under_settings = proofs(vault, schema)
    execute(vault, f'ALTER DATABASE "{vault.database}" RESET ALL')
    execute(
        vault,
        f"CREATE TEMP TABLE copied AS SELECT * FROM {schema}.plain ORDER BY id DESC;"
        f" DELETE FROM {schema}.plain;"
        f" INSERT INTO {schema}.plain SELECT * FROM copied ORDER BY note",
    )
    reordered = proofs(vault, schema)
    return Proven(
        first,
        under_settings,
        reordered,
        dict(changes(vault, schema, count)),
        {"plain": count, "typed": 2, "empty": 0, "twins": 3, "parts_low": 2, "parts_high": 1}
        | {"mother": 1, "child": 2, 'Odd "name", é': 1},
    )


def changes(vault: Vault, schema: str, count: int) -> Iterator[tuple[str, tuple[Proofs, Proofs]]]:
    """Make one change after another, each of which leaves the number of rows."""
    one = vault.draw.integer(1, count)
    statements = {
        "plain": vault.draw.choice(("x = 'other'", "note = note || ' '", "t = NULL", "id = -id")),
        "twins": "word = 'b'",
        "parts_high": "word = 'High'",
        "typed": vault.draw.choice(
            ("ratio = ratio + 1e-15", "at = at + interval '1 us'", "body = '\\x00ff11'")
        ),
        "child": "more = more || 'x'",
    }
    where = {"plain": f"WHERE id = {one}", "twins": "WHERE word = 'a'"}
    before = proofs(vault, schema)
    for table, change in vault.draw.shuffle(statements.items()):
        execute(vault, f"UPDATE {schema}.{table} SET {change} {where.get(table, '')}")
        after = proofs(vault, schema)
        yield table, (before, after)
        before = after


@then("the tables that hold rows are counted and hashed, and no other")
def the_tables_that_hold_rows_are_counted(proven: Proven) -> None:
    got = {name: rows for name, (rows, _) in proven.first.items()}
    expect(got == proven.rows, expected=f"the tables with their rows: {proven.rows}", got=got)
    hashes = [hash_ for _, hash_ in proven.first.values()]
    right = all(isinstance(one, str) and one for one in hashes)
    expect(right, expected="a hash of each table", got=hashes)


@then("settings and the order of rows change no hash, and each change of a row changes that of its table")
def settings_change_no_hash(proven: Proven) -> None:
    for what, other in (("other settings", proven.under_settings), ("another order", proven.reordered)):
        changed = sorted(name for name in proven.first if proven.first[name] != other.get(name))
        expect(not changed, expected=f"the same proof under {what}", got=f"another of {', '.join(changed)}")
    for table, (before, after) in proven.changed.items():
        changed = sorted(name for name in before if before[name] != after.get(name))
        expect(changed == [table], expected=f"another hash of {table}, and of it alone", got=changed)


@when(
    "a user makes versions from whom row-level security hides rows, and then does not", target_fixture="ends"
)
def a_user_makes_versions(vault: Vault) -> tuple[Json, list[str], Json]:
    password = vault.draw.text(20)
    role = new_role(vault, "owner", password=password)
    table = vault.draw.word()
    execute(
        vault,
        f'CREATE TABLE {table} (id int); ALTER TABLE {table} OWNER TO "{role}";'
        f" INSERT INTO {table} VALUES (1), (2);"
        f" ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;",
    )
    vault.service.add("web", {"DATABASE_URL": url_as(vault, role, password)})
    blocked = vault.failed(vault.begin("/versions", process=1), "rls_blocked")
    listed = ids(vault.versions())
    vault.run("ALTER ROLE {} BYPASSRLS", role, database="postgres")
    return blocked, listed, vault.ended(vault.begin("/versions", process=1))


@then("the first fails with rls_blocked and is not listed, and the second succeeds")
def the_first_fails_with_rls_blocked(vault: Vault, ends: tuple[Json, list[str], Json]) -> None:
    blocked, listed, seen = ends
    expect(blocked["version_id"] not in listed, expected="no version that proves 0 rows", got=listed)
    vault.succeeded(seen)


@when("the database gets an owner, grants, settings, a comment and a limit", target_fixture="outside")
def the_database_gets_an_owner(vault: Vault) -> Mapping[str, str]:
    database, draw = vault.database, vault.draw
    secret = draw.text(24)
    names = {
        "owner": new_role(vault, "owner"),
        "grantee": new_role(vault, "grantee"),
        "reader": new_role(vault, "reader", password=secret),
        "stranger": new_role(vault, "stranger"),
    }
    outside = {**names, "secret": secret, "comment": f'{draw.word()}\'s "{draw.word()}"', "limit": "41"}
    execute(
        vault,
        f'ALTER DATABASE "{database}" OWNER TO "{names["owner"]}";'
        f' REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC;'
        f' GRANT CONNECT ON DATABASE "{database}" TO "{names["grantee"]}" WITH GRANT OPTION;'
        f' ALTER DATABASE "{database}" CONNECTION LIMIT {outside["limit"]};'
        f" ALTER DATABASE \"{database}\" SET statement_timeout = '7min';"
        f' ALTER ROLE "{names["reader"]}" IN DATABASE "{database}" SET work_mem = \'7MB\';'
        f' CREATE TABLE held (id int); GRANT SELECT ON held TO "{names["reader"]}";'
        f" COMMENT ON DATABASE \"{database}\" IS '{outside['comment'].replace("'", "''")}';"
        " CREATE EXTENSION pg_stat_statements",
    )
    return outside


@then("the manifest has them, the roles that are needed, and no password")
def the_manifest_has_them(vault: Vault, outside: Mapping[str, str]) -> None:
    version_id = vault.create()
    source = vault.source(version_id)
    properties = as_mapping(source.get("properties"))
    wanted = {
        "owner": outside["owner"],
        "encoding": "UTF8",
        "locale_provider": "builtin",
        "connection_limit": int(outside["limit"]),
        "comment": outside["comment"],
    }
    got = {name: properties.get(name) for name in wanted}
    expect(got == wanted, expected=str(wanted), got=got)
    for name in ("grants", "settings"):
        expect(bool(as_list(properties.get(name))), expected=f"{name} in the properties", got="none")
    roles = {str(role["name"]) for role in as_list(source.get("roles"))}
    needed = {outside[name] for name in ("owner", "grantee", "reader")}
    expect(needed <= roles, expected=f"roles with {sorted(needed)}", got=sorted(roles))
    expect(outside["stranger"] not in roles, expected="no role that nothing belongs to", got=sorted(roles))
    extensions = {str(one["name"]) for one in as_list(source.get("extensions"))}
    expect("pg_stat_statements" in extensions, expected="the extension", got=sorted(extensions))
    [(version,)] = vault.run("SELECT current_setting('server_version')")
    got_version = str(source.get("server_version"))
    expect(got_version.startswith(str(version)), expected=f"server_version {version}", got=got_version)
    [(hash_,)] = vault.run("SELECT rolpassword FROM pg_authid WHERE rolname = current_user")
    text = (vault.place(version_id) / MANIFEST).read_text()
    tells = [what for what in (outside["secret"], str(hash_), "SCRAM-SHA") if what in text]
    expect(not tells, expected="no password in the manifest", got="one")


@dataclass(frozen=True)
class Objects:
    """What manifests said of the large objects: none, some, the same again, and behind each change."""

    none: Json
    some: Json
    again: Json
    changed: Mapping[str, Json]


def object_proof(vault: Vault) -> Json:
    """Make a version, and return what it says of the large objects."""
    return as_mapping(vault.source(vault.create()).get("large_objects"))


@when("large objects are proven, again, and again after each change", target_fixture="objects")
def large_objects_are_proven(vault: Vault) -> Objects:
    draw = vault.draw
    none = object_proof(vault)
    first, second = draw.integer(20_000, 40_000), draw.integer(50_000, 90_000)
    size = draw.integer(1_100_000, 1_400_000)  # of many pages, and more than a block
    with vault.connect() as connection, connection.transaction():
        connection.execute("SELECT lo_from_bytea(%s, repeat('ab', %s)::bytea)", [first, size // 2])
        connection.execute("SELECT lo_create(%s), lo_put(%s, 70000, 'behind a hole')", [second, second])
    some, again = object_proof(vault), object_proof(vault)
    at = draw.integer(1, size - 3)
    changes = {
        "another byte": (f"SELECT lo_put({first}, {at}, 'X')", 2),
        "a byte at the end": (f"SELECT lo_put({first}, {2 * (size // 2) - 1}, 'Y')", 2),
        "a byte more": (f"SELECT lo_put({second}, 70013, '.')", 2),
        "another one, of nothing": ("SELECT lo_create(0)", 3),
        "another number": (f"SELECT lo_from_bytea({second + 1}, lo_get({second})), lo_unlink({second})", 3),
    }
    changed = {}
    for what, (statement, count) in changes.items():
        execute(vault, statement)
        changed[what] = {**object_proof(vault), "wanted": count}
    return Objects(none, some, again, changed)


@then("they are counted, and each change of any of them changes the hash")
def they_are_counted(objects: Objects) -> None:
    counts = [proof.get("count") for proof in (objects.none, objects.some, objects.again)]
    expect(counts == [0, 2, 2], expected="none, two and two", got=counts)
    same = objects.again.get("hash") == objects.some.get("hash")
    expect(same, expected="the same hash of the same", got="another")
    before = objects.some
    for what, proof in objects.changed.items():
        count = proof.get("count")
        expect(count == proof["wanted"], expected=f"{proof['wanted']} behind {what}", got=count)
        expect(
            proof.get("hash") != before.get("hash"), expected=f"another hash behind {what}", got="the same"
        )
        before = proof
