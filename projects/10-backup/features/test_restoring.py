"""Steps of restoring.feature: the swap, what comes along, and the way back."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg
from pytest_bdd import scenarios, then, when

from kata.steps import FaultProxy, describe_answer, expect, is_problem, wait_until_ready

from .content import Content
from .roles import new_role, url_as
from .test_failures import GONE_SECONDS, once, started_again
from .vault import CONFLICT, NOT_FOUND, OK, Json, Row, Vault, as_list, as_mapping, ids

scenarios("restoring.feature")

CLIENTS = 6
# Of one session: those of a script, and those of a pool.
SHORT, LONG = 5, 1_000_000
LOOK_SECONDS = 0.002
SWAP_SECONDS = 1.0
# No machine is so slow that a swap takes as long.
SURELY_SECONDS = 6.0
KILLS = 4
DROP_SECONDS = 5.0
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
PROPERTIES = """
    SELECT pg_get_userbyid(datdba), datconnlimit, shobj_description(oid, 'pg_database'), encoding, datcollate,
        datctype, datlocprovider::text, to_jsonb(d) ->> 'datlocale',
        ARRAY(SELECT format('%%s %%s %%s', grantee::regrole, privilege_type, is_grantable) AS granted
            FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) ORDER BY granted),
        ARRAY(SELECT format('%%s %%s', setrole::regrole, entry) AS set
            FROM pg_db_role_setting, unnest(setconfig) AS entry WHERE setdatabase = d.oid ORDER BY set)
    FROM pg_database AS d WHERE datname = %s
"""


WITHIN = """
    SELECT relowner::regrole::text, relacl::text, (SELECT proacl::text FROM pg_proc WHERE proname = 'secret'),
        (SELECT array_agg(defaclacl::text ORDER BY 1) FROM pg_default_acl)
    FROM pg_class WHERE relname = 'held'
"""


def execute(vault: Vault, text: str) -> None:
    with vault.connect() as connection:
        connection.execute(text)


@when("rows are changed, and the version from before is restored", target_fixture="restored")
def rows_are_changed_and_restored(vault: Vault, content: Content) -> tuple[str, Json, list[Row]]:
    execute(
        vault,
        f"CREATE VIEW {content.schema}.seen AS SELECT count(*) FROM {content.schema}.items;"
        f" CREATE FUNCTION {content.schema}.tell() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN NEW.amount = 17; RETURN NEW; END';"
        f" CREATE TRIGGER told BEFORE INSERT ON {content.schema}.items"
        f" FOR EACH ROW EXECUTE FUNCTION {content.schema}.tell();"
        f" CREATE TABLE {content.schema}.pictures AS SELECT lo_from_bytea(0, 'as it was') AS picture",
    )
    version_id = vault.create({"made": "before"})
    execute(
        vault,
        f"UPDATE {content.schema}.items SET label = 'spoilt' WHERE id > 2;"
        f" ALTER TABLE {content.schema}.items DROP CONSTRAINT items_pkey;"
        f" SELECT lo_unlink(picture) FROM {content.schema}.pictures;"
        f" DROP VIEW {content.schema}.seen; DROP TRIGGER told ON {content.schema}.items",
    )
    added = [content.add() for _ in range(vault.draw.integer(1, 5))]
    execute(vault, f"DELETE FROM {content.schema}.items WHERE id = 1; CREATE TABLE {content.schema}.later ()")
    before = content.now()
    expect(len(before) == len(content.rows) + len(added) - 1, expected="changed rows", got=len(before))
    return version_id, vault.restore(version_id), before


@then("its rows are back, the next insert succeeds, and what was there is a version itself")
def its_rows_are_back(vault: Vault, content: Content, restored: tuple[str, Json, list[Row]]) -> None:
    version_id, run, before = restored
    rows = tuple(content.now())
    expect(rows == content.rows, expected=f"{len(content.rows)} rows as they were", got=f"{len(rows)} rows")
    key = content.add()
    expect(key == len(content.rows) + 1, expected=f"the next key, {len(content.rows) + 1}", got=key)
    told = [row[2] for row in content.now() if row[0] == key]
    expect(told == [17], expected="what its trigger puts into a new row", got=told)
    seen = vault.run("SELECT * FROM {}.seen", content.schema)
    expect(seen == [(key,)], expected="the view with one row more", got=seen)
    pictures = vault.run("SELECT lo_get(picture) FROM {}.pictures", content.schema)
    expect(pictures == [(b"as it was",)], expected="the large object", got=pictures)
    [(constraints,)] = vault.run("SELECT count(*) FROM pg_constraint WHERE conname = 'items_pkey'")
    expect(constraints != 0, expected="the primary key", got="none")
    with vault.connect() as connection:
        later = connection.execute("SELECT to_regclass(%s)", [f"{content.schema}.later"]).fetchone()
    expect(later == (None,), expected="no table that was made later", got=later)
    safety_id = str(run["safety_version_id"])
    safety = vault.version(safety_id)
    expect(safety["reason"] == "safety", expected="reason safety", got=safety["reason"])
    proven = as_mapping(vault.version(version_id)["verification"])
    got = (proven["level"], proven["passed"])
    expect(got == ("compared", True), expected="a version that was restored is proven", got=got)
    again = vault.restore(safety_id)
    expect(
        content.now() == before, expected="what was there before, from the safety version", got="other rows"
    )
    second = vault.version(str(again["safety_version_id"]))
    got_second = (second["reason"], second["id"] != safety_id)
    expect(got_second == ("safety", True), expected="another safety version, each time", got=got_second)


@when(
    "the database has owner, grants, settings, comment and limit, a version is made, and all that is changed",
    target_fixture="wanted",
)
def the_database_has_properties(vault: Vault) -> tuple[str, Row]:
    database, draw = vault.database, vault.draw
    roles = {kind: new_role(vault, kind) for kind in ("owner", "grantee", "reader", "other")}
    execute(
        vault,
        f'ALTER DATABASE "{database}" OWNER TO "{roles["owner"]}";'
        f' REVOKE CONNECT, TEMPORARY ON DATABASE "{database}" FROM PUBLIC;'
        f' GRANT CONNECT ON DATABASE "{database}" TO "{roles["grantee"]}" WITH GRANT OPTION;'
        f' GRANT CREATE ON DATABASE "{database}" TO "{roles["reader"]}";'
        f' ALTER DATABASE "{database}" CONNECTION LIMIT {draw.integer(30, 90)};'
        f" ALTER DATABASE \"{database}\" SET TimeZone = 'Asia/Kathmandu';"
        f" ALTER DATABASE \"{database}\" SET DateStyle = 'German, DMY';"
        f' ALTER DATABASE "{database}" SET search_path = "$user", public, "Odd, name";'
        f' ALTER ROLE "{roles["reader"]}" IN DATABASE "{database}" SET work_mem = \'7MB\';'
        f" COMMENT ON DATABASE \"{database}\" IS '{draw.word()}''s \"{draw.word()}\"';"
        f' CREATE TABLE held (id int); ALTER TABLE held OWNER TO "{roles["owner"]}";'
        f' GRANT SELECT, UPDATE ON held TO "{roles["reader"]}";'
        " CREATE FUNCTION secret() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        " REVOKE EXECUTE ON FUNCTION secret() FROM PUBLIC;"
        f' GRANT EXECUTE ON FUNCTION secret() TO "{roles["reader"]}";'
        f' ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "{roles["grantee"]}"',
    )
    version_id, wanted = vault.create(), properties(vault)
    execute(
        vault,
        f'ALTER DATABASE "{database}" OWNER TO "{roles["other"]}"; ALTER DATABASE "{database}" RESET ALL;'
        f' GRANT ALL ON DATABASE "{database}" TO PUBLIC; ALTER DATABASE "{database}" CONNECTION LIMIT -1;'
        f' ALTER ROLE "{roles["other"]}" IN DATABASE "{database}" SET work_mem = \'9MB\';'
        f" COMMENT ON DATABASE \"{database}\" IS 'another';"
        f' ALTER TABLE held OWNER TO "{roles["other"]}"; GRANT EXECUTE ON FUNCTION secret() TO PUBLIC',
    )
    return version_id, wanted


def properties(vault: Vault) -> Row:
    with vault.connect() as connection:
        row = connection.execute(PROPERTIES, [vault.database]).fetchone()
        within = connection.execute(WITHIN).fetchone()
    return (*(row or ()), *(within or ()))


@then("a restore brings each of them back")
def a_restore_brings_each_of_them_back(vault: Vault, wanted: tuple[str, Row]) -> None:
    version_id, before = wanted
    vault.restore(version_id)
    got = properties(vault)
    expect(got == before, expected=str(before), got=got)


@dataclass
class Seen:
    """What clients have seen that came back again and again."""

    counts: set[object] = field(default_factory=set)
    others: list[str] = field(default_factory=list)
    longest_seconds: float = 0.0


@when("a version is restored while clients come back again and again", target_fixture="seen")
def a_version_is_restored_under_load(vault: Vault, content: Content) -> tuple[Seen, set[object]]:
    schema = content.schema
    execute(vault, f"CREATE TABLE {schema}.second AS SELECT * FROM {schema}.items")
    version_id = vault.create()
    for _ in range(3):
        content.add()
    execute(vault, f"INSERT INTO {schema}.second SELECT * FROM {schema}.items ORDER BY id DESC LIMIT 3")
    count = len(content.rows)
    over, seen = threading.Event(), Seen()
    clients = [
        threading.Thread(target=come_back, args=(vault, schema, over, seen, stay))
        for stay in (SHORT, LONG) * (CLIENTS // 2)
    ]
    for client in clients:
        client.start()
    try:
        vault.restore(version_id)
        time.sleep(0.2)
    finally:
        over.set()
        for client in clients:
            client.join()
    return seen, {(count, count), (count + 3, count + 3)}


def come_back(vault: Vault, schema: str, over: threading.Event, seen: Seen, most_looks: int) -> None:
    """Connect, look into two tables at once, so often, and come back at once."""
    last = time.monotonic()
    while not over.is_set():
        try:
            with vault.service.postgres.address.connect(vault.database) as connection:
                for _ in range(most_looks):
                    if over.is_set():
                        break
                    row = connection.execute(
                        f"SELECT (SELECT count(*) FROM {schema}.items),"
                        f" (SELECT count(*) FROM {schema}.second)"
                    ).fetchone()
                    seen.counts.add(row)
                    now = time.monotonic()
                    seen.longest_seconds = max(seen.longest_seconds, now - last)
                    last = now
                    time.sleep(LOOK_SECONDS)
        except psycopg.OperationalError:
            pass
        except psycopg.Error as error:
            seen.others.append(f"{type(error).__name__}: {error}")


@then("they saw the old rows, the new rows or a connection that failed, and were away for a second at most")
def they_saw_the_old_rows(seen: tuple[Seen, set[object]]) -> None:
    got, wanted = seen
    expect(not got.others, expected="old rows, new rows or a connection that fails", got=got.others[:2])
    expect(
        got.counts == wanted, expected=f"these numbers of rows: {sorted(map(str, wanted))}", got=got.counts
    )
    expect(
        got.longest_seconds <= SWAP_SECONDS,
        expected=f"away for {SWAP_SECONDS:g} s at most",
        got=f"{got.longest_seconds:.2f} s",
        timing=got.longest_seconds < SURELY_SECONDS,
    )


@when("restores are tried without a role, by who may not, and without room", target_fixture="refusals")
def restores_are_tried_that_cannot_succeed(vault: Vault, content: Content) -> Mapping[str, Json]:
    role = new_role(vault, "reader")
    execute(vault, f'GRANT SELECT ON {content.schema}.items TO "{role}"')
    version_id = vault.create()
    allowed = vault.ask("POST", "/restores", {"version_id": version_id, "dry_run": True})
    expect(allowed.status == OK, expected="200 for a dry run", got=describe_answer(allowed), answer=allowed)
    execute(vault, f'REVOKE SELECT ON {content.schema}.items FROM "{role}"; DROP ROLE "{role}"')
    refusals = {"missing_role": refused(vault, version_id)}
    tells = [str(error["detail"]) for error in as_list(refusals["missing_role"]["errors"])]
    expect(any(role in text for text in tells), expected=f"a detail that names {role}", got=tells)
    vault.run("CREATE ROLE {}", role)
    password = vault.draw.text(16)
    user = new_role(vault, "user", password=password)
    vault.run("GRANT pg_read_all_data TO {}", user)
    started_again(vault, {"DATABASE_URL": url_as(vault, user, password)})
    refusals["not_permitted"] = refused(vault, version_id)
    started_again(vault, {"DATABASE_URL": vault.service.postgres.url})
    is_problem(vault.ask("POST", "/restores", {"version_id": UNKNOWN}), NOT_FOUND)
    stored = sum(int(str(version["size_bytes"])) for version in vault.versions())
    started_again(vault, {"STORAGE_LIMIT_BYTES": str(stored + 1)})
    refusals["no_room"] = refused(vault, version_id)
    started_again(vault, {"STORAGE_LIMIT_BYTES": str(3 * stored + 100_000)})
    allowed = vault.ask("POST", "/restores", {"version_id": version_id, "dry_run": True})
    expect(allowed.status == OK, expected="200 with room", got=describe_answer(allowed), answer=allowed)
    return refusals


def refused(vault: Vault, version_id: str) -> Json:
    """Try a restore, and a dry one, and demand that both are refused alike."""
    databases, versions = vault.databases(), ids(vault.versions())
    dry = is_problem(vault.ask("POST", "/restores", {"version_id": version_id, "dry_run": True}), CONFLICT)
    real = is_problem(vault.ask("POST", "/restores", {"version_id": version_id}), CONFLICT)
    for problem in (dry, real):
        code = problem["code"]
        expect(code == "preflight_failed", expected="code preflight_failed", got=code)
    same = dry["errors"] == real["errors"]
    expect(same, expected="the same errors", got=(dry["errors"], real["errors"]))
    now = (vault.databases(), ids(vault.versions()))
    expect(now == (databases, versions), expected="nothing touched", got=now)
    return real


@then("they are refused with what is in the way, nothing is touched, and a dry run says the same")
def they_are_refused(vault: Vault, content: Content, refusals: Mapping[str, Json]) -> None:
    for code, problem in refusals.items():
        got = [error.get("code") for error in as_list(problem["errors"])]
        expect(got == [code], expected=f"errors with {code}", got=got)
    rows = tuple(content.now())
    expect(rows == content.rows, expected="the live rows", got=f"{len(rows)} rows")
    newest = ids(vault.versions())[0]
    vault.restore(newest)


@when("restores are undone in time, twice, too late, and behind another restore", target_fixture="undone")
def restores_are_undone(vault: Vault, content: Content) -> None:
    version_id = vault.create()
    content.add("since the version")
    before = content.now()
    first = vault.restore(version_id)
    content.add("since the restore")
    expect(bool(vault.databases()), expected="the former database, kept", got="none")
    answer = vault.ask("POST", f"/restores/{first['id']}/undo", {})
    expect(answer.status == OK, expected="200 for undo", got=describe_answer(answer), answer=answer)
    run = vault.get(f"/runs/{first['id']}")
    expect(run["undone_at"] is not None, expected="undone_at", got=run)
    expect(content.now() == before, expected="the rows from before the restore", got=len(content.now()))
    gone = once(lambda: not vault.databases(), DROP_SECONDS)
    expect(gone, expected="no other database behind an undo", got=sorted(vault.databases()))
    cannot_undo(vault, str(first["id"]))
    created = vault.begin("/versions", {})
    vault.succeeded(created)
    is_problem(vault.ask("POST", f"/restores/{created['id']}/undo", {}), NOT_FOUND)
    is_problem(vault.ask("POST", f"/restores/{UNKNOWN}/undo", {}), NOT_FOUND)
    second, third = vault.restore(version_id), vault.restore(version_id)
    cannot_undo(vault, str(second["id"]))
    kept = vault.databases()
    expect(len(kept) == 1, expected="one former database", got=sorted(kept))
    vault.service.web.kill()
    vault.service.web.restart()
    wait_until_ready(vault.service.web)
    answer = vault.ask("POST", f"/restores/{third['id']}/undo", {})
    expect(answer.status == OK, expected="200 for undo", got=describe_answer(answer), answer=answer)


def cannot_undo(vault: Vault, run_id: str) -> None:
    problem = is_problem(vault.ask("POST", f"/restores/{run_id}/undo", {}), CONFLICT)
    expect(problem["code"] == "cannot_undo", expected="code cannot_undo", got=problem["code"])


@then("what was written before the restore is back, and what cannot be undone is refused")
def what_cannot_be_undone_is_refused(vault: Vault, content: Content) -> None:
    seconds = vault.draw.integer(8, 16) / 10
    started_again(vault, {"UNDO_SECONDS": str(seconds)})
    rows = content.now()
    run = vault.restore(ids(vault.versions())[0])
    swapped = time.monotonic()
    time.sleep(seconds / 2)
    kept = bool(vault.databases()) or time.monotonic() - swapped > seconds
    expect(kept, expected="the former database, kept until its time", got="none")
    time.sleep(max(0.0, swapped + seconds + 0.1 - time.monotonic()))
    cannot_undo(vault, str(run["id"]))
    gone = once(lambda: not vault.databases(), DROP_SECONDS)
    expect(gone, expected="no former database behind its time", got=sorted(vault.databases()))
    expect(content.now() == rows, expected="the restored rows", got="others")


@when("the service is killed in the midst of restores, and started again", target_fixture="outcomes")
def the_service_is_killed_amid_restores(
    vault: Vault, content: Content, postgres: FaultProxy
) -> list[tuple[Json, list[Row], set[str]]]:
    version_id = vault.create()
    outcomes = []
    for number in range(KILLS):
        content.add()
        with postgres.delay(0.004):
            run = vault.begin("/restores", {"version_id": version_id})
            phase_seconds = (0.1, 0.7, 1.6, 2.6)[number] + vault.draw.integer(0, 400) / 1000
            once(lambda run=run: vault.get(f"/runs/{run['id']}")["state"] != "running", phase_seconds)  # type: ignore[misc]
            vault.service.web.kill()
        vault.service.web.restart()
        wait_until_ready(vault.service.web)
        once(lambda run=run: vault.get(f"/runs/{run['id']}")["state"] != "running", GONE_SECONDS)  # type: ignore[misc]
        ended = vault.get(f"/runs/{run['id']}")
        tidy = once(lambda: len(vault.databases()) <= 1, GONE_SECONDS)
        expect(tidy, expected="what undo needs and no other database", got=sorted(vault.databases()))
        outcomes.append((ended, content.now(), vault.databases()))
    return outcomes


@then("the rows are the old ones or the new ones, and nothing else is left on the server")
def the_rows_are_the_old_ones_or_the_new_ones(
    content: Content, outcomes: list[tuple[Json, list[Row], set[str]]]
) -> None:
    count = len(content.rows)
    before = count
    for run, rows, databases in outcomes:
        before += 1
        is_new = run["state"] == "succeeded"
        wanted = count if is_new else before
        got = len(rows)
        expect(got == wanted, expected=f"{wanted} rows of a run that is {run['state']}", got=got)
        expect(len(databases) <= 1, expected="one former database at most", got=sorted(databases))
        before = got
