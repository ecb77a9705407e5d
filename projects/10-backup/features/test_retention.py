"""Steps of retention.feature: what is kept, and what is made by itself."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from pytest_bdd import scenarios, then, when

from kata.steps import FaultProxy, describe_answer, expect

from .content import Content
from .test_failures import once, started_again
from .test_verification import change_manifest
from .vault import OK, PATIENCE_SECONDS, Json, Vault, as_list, as_mapping, ids

scenarios("retention.feature")

SETTINGS = ("KEEP_LAST", "KEEP_DAILY", "KEEP_WEEKLY", "KEEP_MONTHLY")
AGE = re.compile(r"^\w*last_verified_age\w*(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
AGE_SECONDS = 10.0
SLOW_SECONDS = 0.02
SETTLE_SECONDS = 5.0
ALL_KEPT = ("last", "proven")
ALL_PRUNED = {"KEEP_LAST": "1", "KEEP_DAILY": "0", "KEEP_WEEKLY": "0", "KEEP_MONTHLY": "0"}


# Of weeks that begin in one year and end in the next.
MONDAYS = [
    datetime(year, 12, day, tzinfo=UTC)
    for year, day in ((2007, 31), (2012, 31), (2013, 30), (2018, 31), (2019, 30), (2024, 30))
]


@dataclass(frozen=True)
class Kept:
    """Versions with their moments, and for which reasons each is to be kept."""

    moments: Mapping[str, datetime]
    reasons: Mapping[str, set[str]]


def ask_prune(vault: Vault, *, dry_run: bool) -> Json:
    answer = vault.ask("POST", "/prune", {"dry_run": True} if dry_run else {})
    expect(answer.status == OK, expected="200", got=describe_answer(answer), answer=answer)
    body = answer.json()
    return as_mapping(body)


def drawn_moments(vault: Vault) -> list[datetime]:
    """Draw moments of years ago: several of a day, both sides of midnight, of a week and of a year."""
    draw = vault.draw
    monday = draw.choice(MONDAYS)
    instant = timedelta(milliseconds=1)
    moments = {monday, monday - instant, monday + timedelta(days=2), monday + timedelta(days=2) - instant}
    day = monday - timedelta(days=draw.integer(10, 40))
    moments |= {day + timedelta(hours=hours) for hours in draw.shuffle(range(24))[:3]}
    moments |= {day - timedelta(days=draw.integer(1, 300), seconds=draw.integer(0, 86_399)) for _ in range(7)}
    return draw.shuffle(sorted(moments))


@when("versions of drawn moments are pruned, some of them pinned, proven or damaged", target_fixture="kept")
def versions_of_drawn_moments_are_pruned(vault: Vault) -> Kept:
    draw = vault.draw
    settings = dict(zip(SETTINGS[1:], map(str, draw.shuffle((2, 3, 4))), strict=True))
    settings["KEEP_LAST"] = str(draw.integer(1, 3))
    started_again(vault, settings)
    dump = vault.service.postgres.address.run("pg_dump", "--format=custom", database=vault.database)
    (vault.folder / "incoming" / "dump").write_bytes(dump.stdout)
    moments = {
        vault.import_("dump", taken_at=moment.isoformat(timespec="milliseconds")): moment
        for moment in drawn_moments(vault)
    }
    newest_first = sorted(moments, key=moments.__getitem__, reverse=True)
    wanted = by_settings(moments, {name: int(settings[name]) for name in SETTINGS})
    pinned, older_proof, newer_proof, unpinned = draw.shuffle(newest_first[5:])[:4]
    older_proof, newer_proof = sorted((older_proof, newer_proof), key=moments.__getitem__)
    for version_id in draw.shuffle((older_proof, newer_proof)):
        vault.succeeded(vault.begin(f"/versions/{version_id}/drill"))
    for method, version_id in (("PUT", pinned), ("PUT", unpinned), ("DELETE", unpinned)):
        answer = vault.ask(method, f"/versions/{version_id}/pin")
        expect(answer.status == OK, expected="200", got=describe_answer(answer), answer=answer)
        is_pinned = as_mapping(answer.json())["is_pinned"]
        expect(is_pinned == (method == "PUT"), expected=f"is_pinned behind {method}", got=is_pinned)
    wanted[pinned].add("pinned")
    wanted[newer_proof].add("proven")
    return Kept(moments, wanted)


def by_settings(moments: Mapping[str, datetime], keep: Mapping[str, int]) -> defaultdict[str, set[str]]:
    """Say what the contract keeps of these versions."""
    newest_first = sorted(moments, key=moments.__getitem__, reverse=True)
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for version_id in newest_first[: keep["KEEP_LAST"]]:
        wanted[version_id].add("last")
    periods: Sequence[tuple[str, str, Callable[[datetime], object]]] = (
        ("daily", "KEEP_DAILY", lambda at: at.date()),
        ("weekly", "KEEP_WEEKLY", lambda at: at.date() - timedelta(days=at.weekday())),
        ("monthly", "KEEP_MONTHLY", lambda at: (at.year, at.month)),
    )
    for reason, setting, period in periods:
        firsts: dict[object, str] = {}
        for version_id in newest_first:
            firsts.setdefault(period(moments[version_id]), version_id)
        for version_id in list(firsts.values())[: keep[setting]]:
            wanted[version_id].add(reason)
    return wanted


@then("those are kept that the contract names, for the reasons that it names, and the others are gone")
def those_are_kept(vault: Vault, kept: Kept) -> None:
    gone = sorted(set(kept.moments) - set(kept.reasons))
    before = ids(vault.versions())
    for dry_run in (True, False):
        answer = ask_prune(vault, dry_run=dry_run)
        deleted = answer.get("deleted")
        got = sorted(map(str, deleted)) if isinstance(deleted, list) else deleted
        expect(got == gone, expected=f"deleted: {gone}", got=got)
        reasons = {
            name: set(why) for name, why in as_mapping(answer.get("kept")).items() if isinstance(why, list)
        }
        expect(reasons == dict(kept.reasons), expected=f"kept: {dict(kept.reasons)}", got=reasons)
        listed = ids(vault.versions())
        left = before if dry_run else [one for one in before if one not in gone]
        expect(listed == left, expected=f"{len(left)} versions listed", got=listed)
    folders = {entry.name[-26:] for entry in vault.folder.iterdir()} & set(kept.moments)
    expect(
        folders == set(kept.reasons),
        expected="no folder of what is gone",
        got=sorted(folders - set(kept.reasons)),
    )
    started_again(vault, ALL_PRUNED)
    strict = as_mapping(ask_prune(vault, dry_run=True)["kept"])
    special = {name: why & {"pinned", "proven"} for name, why in kept.reasons.items()}
    special[max(kept.reasons)] |= {"last"}
    special = {name: why for name, why in special.items() if why}
    still = {name: set(why) for name, why in strict.items() if isinstance(why, list)}
    expect(still == special, expected=f"kept with {ALL_PRUNED}: {special}", got=still)
    started_again(vault, {"KEEP_LAST": "10000"})
    unkept = vault.create()
    change_manifest(vault, unkept)
    vault.create()
    answer = ask_prune(vault, dry_run=False)
    why = as_mapping(answer["kept"]).get(unkept)
    expect(isinstance(why, list) and "damaged" in why, expected="kept as damaged", got=why)


@when("it is pruned while a version is drilled, and while one is made", target_fixture="both")
def it_is_pruned_while_a_version_is_drilled(
    vault: Vault, content: Content, postgres: FaultProxy
) -> tuple[str, Json, Json]:
    del content
    read, _ = vault.create(), vault.create()
    started_again(vault, ALL_PRUNED)
    with postgres.delay(SLOW_SECONDS):
        drill = vault.begin(f"/versions/{read}/drill")
        answer = ask_prune(vault, dry_run=False)
    running = vault.get(f"/runs/{drill['id']}")["state"] == "running"
    why = as_mapping(answer["kept"]).get(read)
    expect(why == ["in_use"], expected="kept: in_use", got=why, timing=not running)
    drilled = vault.succeeded(drill)
    with postgres.delay(SLOW_SECONDS):
        create = vault.begin("/versions", {})
        while vault.get(f"/runs/{create['id']}")["state"] == "running":
            ask_prune(vault, dry_run=False)
    return read, drilled, vault.ended(create)


@then("both runs succeed, and what was read goes at the next time")
def both_runs_succeed(vault: Vault, both: tuple[str, Json, Json]) -> None:
    read, _, created = both
    vault.succeeded(created)
    listed = ids(vault.versions())
    expect(created["version_id"] in listed, expected="the version that was made meanwhile", got=listed)
    # It was proven by the drill, and so is kept until another is.
    expect(read in listed, expected="the version that was proven", got=listed)
    vault.succeeded(vault.begin(f"/versions/{created['version_id']}/drill"))
    ask_prune(vault, dry_run=False)
    left = ids(vault.versions())
    expect(left == [created["version_id"]], expected="the newest alone", got=left)


@when("the service runs with a schedule", target_fixture="every")
def the_service_runs_with_a_schedule(vault: Vault, content: Content) -> tuple[float, float]:
    del content
    age = age_of_proof(vault)
    expect(age == float("inf"), expected="last_verified_age +Inf before the first proof", got=age)
    backup, drill = vault.draw.integer(12, 20) / 10, vault.draw.integer(20, 30) / 10
    started_again(vault, {"BACKUP_EVERY_SECONDS": str(backup), "DRILL_EVERY_SECONDS": str(drill)})
    return backup, drill


def moment_of(version: Json) -> datetime:
    return datetime.fromisoformat(str(version["taken_at"]))


def age_of_proof(vault: Vault) -> float:
    with vault.service.client() as client:
        text = client.get("/metrics").text
    found = AGE.findall(text)
    expect(len(found) == 1, expected="one series with last_verified_age", got=found)
    return float(found[0])


@then("versions and drills follow each other in their time, and the age of the last proof is told")
def versions_and_drills_follow_each_other(vault: Vault, every: tuple[float, float]) -> None:
    backup, drill = every

    def drill_runs() -> list[Json]:
        return [run for run in as_list(vault.get("/runs?limit=1000")["items"]) if run["kind"] == "drill"]

    def drills() -> list[datetime]:
        return sorted(datetime.fromisoformat(str(run["started_at"])) for run in drill_runs())

    began = time.monotonic()
    enough = once(lambda: len(vault.versions()) >= 3 and len(drills()) >= 2, PATIENCE_SECONDS)
    took = time.monotonic() - began
    expect(
        enough, expected="three versions and two drills", got=f"{len(vault.versions())} and {len(drills())}"
    )
    most = 2 * max(backup, drill) + 6
    expect(took <= most, expected=f"within {most:.1f} s", got=f"{took:.1f} s", timing=True)
    versions = vault.versions()
    reasons = {version["reason"] for version in versions}
    expect(reasons == {"schedule"}, expected="reason schedule", got=reasons)
    taken = sorted(datetime.fromisoformat(str(version["taken_at"])) for version in versions)
    for what, moments, seconds in (("versions", taken, backup), ("drills", drills(), drill)):
        apart = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
        early = min(apart, default=seconds)
        expect(early >= seconds - 0.05, expected=f"{what} {seconds:g} s apart", got=f"{early:.2f} s")
    for run in drill_runs():
        started = datetime.fromisoformat(str(run["started_at"]))
        newest = max(version["id"] for version in versions if moment_of(version) < started)  # type: ignore[type-var]
        expect(
            run["version_id"] == newest, expected=f"a drill of the newest, {newest}", got=run["version_id"]
        )
    told = once(lambda: is_told(vault), AGE_SECONDS)
    expect(told, expected="the age of the newest proof", got=age_of_proof(vault), timing=True)
    goes_on_where_it_was(vault)


def goes_on_where_it_was(vault: Vault) -> None:
    """Start again with a retention, and demand that no version comes too early, and that old ones go."""
    seconds = vault.draw.integer(28, 40) / 10
    before = vault.versions()[0]
    started_again(vault, {**ALL_PRUNED, "BACKUP_EVERY_SECONDS": str(seconds), "DRILL_EVERY_SECONDS": "0"})
    came = once(lambda: vault.versions()[0]["id"] != before["id"], PATIENCE_SECONDS)
    expect(came, expected="the next version", got="none")
    apart = (moment_of(vault.versions()[0]) - moment_of(before)).total_seconds()
    right = apart >= seconds - 0.05
    expect(right, expected=f"a version {seconds:g} s behind the last, over a restart", got=f"{apart:.2f} s")
    gone = once(lambda: len(vault.versions()) <= len(ALL_KEPT), SETTLE_SECONDS)
    expect(gone, expected="the newest and the one that was proven last", got=ids(vault.versions()))


def is_told(vault: Vault) -> bool:
    """Say whether the age that is told is that of the newest proof."""
    proofs = [str(version["proven_at"]) for version in vault.versions() if version["proven_at"]]
    age = age_of_proof(vault)
    real = (datetime.now(UTC) - max(map(datetime.fromisoformat, proofs))).total_seconds()
    return real - 1 <= age <= real + 0.1
