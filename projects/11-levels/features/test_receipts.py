"""Steps of receipts.feature."""

import base64
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from psycopg import Connection, sql
from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Client,
    Inconclusive,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    writers_held,
)

from .academy import (
    FINAL,
    LEARNERS,
    NOT_FOUND,
    OK,
    PATIENCE_SECONDS,
    POLL_SECONDS,
    RECEIPTS,
    RUNS,
    Academy,
    Actions,
    Json,
    Learner,
    Script,
    Solution,
    Track,
    checks_in,
    drawn_catalogue,
    drawn_key,
    failing,
    good,
    level_reports,
    passing,
    tracks_of,
    tries_of,
    verifier_settings,
)

LONGEST_HOLD_SECONDS = 0.6  # a third of the shortest lease: nobody loses one by it
COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
     WHERE table_schema = current_schema() AND data_type = ANY(%s)
"""

type Value = str | bytes

scenarios("receipts.feature")


@dataclass(frozen=True)
class Passed:
    """A run that has passed, and the solution that it was of."""

    run: Json
    solution: Solution


@dataclass(frozen=True)
class Receipts:
    """Runs in the order of their ends, and those that have none."""

    passed: list[Passed]
    others: list[str]


def chain_of(learner: Learner) -> Json:
    """Ask for the learner's chain, as somebody who is nobody here."""
    answer = learner.academy.service.client().get(f"{LEARNERS}/{learner.user_id}/chain")
    expect(answer.status == OK, expected="200 for a chain, without a token", got=describe_answer(answer))
    return as_object(answer)


def receipt_of(learner: Learner, run_id: object) -> tuple[Json, str]:
    """Ask for a receipt, as somebody who is nobody here: what it says, and its signature."""
    answer = learner.academy.service.client().get(f"{RECEIPTS}/{run_id}")
    expect(answer.status == OK, expected="200 for a receipt, without a token", got=describe_answer(answer))
    document = as_object(answer)
    statement, signature = document.get("receipt"), document.get("signature")
    expect(isinstance(statement, dict), expected="a receipt", got=answer.text[:300])
    assert isinstance(statement, dict)
    return statement, str(signature)


def canonical(statement: Json) -> bytes:
    """Return the canonical form of JSON without fractions. Source: RFC 8785."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decoded(text: object) -> bytes:
    with suppress(ValueError):
        return base64.urlsafe_b64decode(f"{text}==")
    return b""


@when("runs pass, and others do not", target_fixture="receipts")
def runs_pass_and_others_do_not(learner: Learner, track: Track) -> Receipts:
    draw = learner.academy.draw
    first, second = track.levels[:2]
    passed = []
    for level in (first, second, draw.choice([first, second])):
        solution = learner.solution()
        passed.append(Passed(learner.ends(learner.start(level, solution), "passed"), solution))
    bad = learner.solution({str(first.step): [failing(first.checks, draw.choice(first.checks))]})
    failed = learner.start(first, bad)
    learner.ends(failed, "failed")
    return Receipts(passed, [failed, f"{draw.uuid()}", draw.word()])


@then("anybody can read the receipt of each that has passed, and of no other")
def anybody_can_read_the_receipt(receipts: Receipts, learner: Learner) -> None:
    for passed in receipts.passed:
        receipt_of(learner, passed.run["id"])
    for run_id in receipts.others:
        is_problem(learner.academy.service.client().get(f"{RECEIPTS}/{run_id}"), NOT_FOUND)
    unknown = f"{LEARNERS}/{learner.academy.draw.uuid()}/chain"
    is_problem(learner.academy.service.client().get(unknown), NOT_FOUND)


@then("each says what was run, is signed, and names the one before it")
def each_says_what_was_run(receipts: Receipts, learner: Learner, track: Track, academy: Academy) -> None:
    key = drawn_key(academy.world, "signing-key").public_key()
    before: str | None = None
    for number, passed in enumerate(receipts.passed, 1):
        statement, signature = receipt_of(learner, passed.run["id"])
        wanted = wanted_statement(passed, learner, track)
        wanted |= {"number": number, "previous": before}
        got = {name: statement.get(name) for name in wanted}
        expect(got == wanted, expected=json.dumps(wanted), got=json.dumps(got))
        raw = key.public_bytes_raw()
        expect(decoded(statement.get("key")) == raw, expected="the public key", got=statement.get("key"))
        passed_at, finished_at = str(statement.get("passed_at")), str(passed.run["finished_at"])
        same_minute = passed_at[:15] == finished_at[:15] and passed_at.endswith("Z")
        expect(same_minute, expected=f"passed about {finished_at}", got=passed_at, timing=True)
        try:
            key.verify(decoded(signature), canonical(statement))
        except InvalidSignature:
            expect(False, expected="the signature of the canonical form", got=signature)
        before = sha256(canonical(statement)).hexdigest()
    wanted_chain = {
        "user_id": learner.user_id,
        "length": len(receipts.passed),
        "head": before,
        "intact": True,
        "broken_at": None,
    }
    got_chain = chain_of(learner)
    expect(got_chain == wanted_chain, expected=json.dumps(wanted_chain), got=json.dumps(got_chain))


def wanted_statement(passed: Passed, learner: Learner, track: Track) -> dict[str, object]:
    run, seed = passed.run, str(passed.run["seed"])
    count = next(n for n, level in enumerate(track.levels, 1) if level.id == run["level_id"])
    levels = [
        {
            "level_id": level.id,
            "step": level.step,
            "contract": track.document["contract"],
            "solution": f"of-{passed.solution.path.name}",
            "checks": [
                {
                    "id": check,
                    "verdict": "pass",
                    "draws": {"LIMIT": f"{int(seed, 16) % 1000}", "TITLE": f"<b>{check} größer</b>"},
                }
                for check in level.checks
            ],
        }
        for level in track.levels[:count]
    ]
    return {
        "version": 1,
        "user_id": learner.user_id,
        "learner": learner.name,
        "run_id": run["id"],
        "project": track.project,
        "track_id": run["track_id"],
        "level_id": run["level_id"],
        "seed": seed,
        "trust": "hosted",
        "levels": levels,
    }


@given("a chain of receipts", target_fixture="runs")
def a_chain_of_receipts(learner: Learner, track: Track) -> list[str]:
    solution = learner.solution()
    runs = [learner.start(track.levels[0], solution)]
    for _ in range(2):
        learner.ends(runs[-1], "passed")
        runs.append(learner.start(track.levels[0], solution))
    learner.ends(runs[-1], "passed")
    return runs


@dataclass(frozen=True)
class Kept:
    """A column in which something of a receipt is kept."""

    table: str
    column: str

    def change(self, connection: Connection[tuple[object, ...]], before: Value, after: Value) -> int:
        """Put something else in the place of what is kept."""
        query = sql.SQL("UPDATE {} SET {} = %s WHERE {} = %s").format(
            sql.Identifier(self.table), sql.Identifier(self.column), sql.Identifier(self.column)
        )
        return connection.execute(query, [after, before]).rowcount

    def take_away(self, connection: Connection[tuple[object, ...]], value: Value) -> int:
        query = sql.SQL("DELETE FROM {} WHERE {} = %s").format(
            sql.Identifier(self.table), sql.Identifier(self.column)
        )
        return connection.execute(query, [value]).rowcount


def find_kept(connection: Connection[tuple[object, ...]], value: Value) -> Kept | None:
    """Find the column that holds a value, which is text or bytes."""
    kinds = ["bytea"] if isinstance(value, bytes) else ["text", "character varying"]
    for table, column in connection.execute(COLUMNS, [kinds]).fetchall():
        query = sql.SQL("SELECT FROM {} WHERE {} = %s").format(
            sql.Identifier(str(table)), sql.Identifier(str(column))
        )
        if connection.execute(query, [value]).rowcount:
            return Kept(str(table), str(column))
    return None


def demand_kept(connection: Connection[tuple[object, ...]], text: str) -> Kept:
    kept = find_kept(connection, text)
    expect(kept is not None, expected="a column that holds the text that was signed", got="none")
    assert kept is not None
    return kept


def with_signature(connection: Connection[tuple[object, ...]], before: str, after: str) -> None:
    """Put another signature in the place of one, where it is kept in a form that is known here."""
    for old, new in ((before, after), (decoded(before), decoded(after))):
        kept = find_kept(connection, old)
        if kept is not None:
            kept.change(connection, old, new)


@when("one of them is changed by a byte, and the last is taken away", target_fixture="chains")
def one_of_them_is_changed(learner: Learner, runs: list[str]) -> list[tuple[int | None, Json]]:
    draw = learner.academy.draw
    texts = [canonical(receipt_of(learner, run)[0]).decode() for run in runs]
    index = draw.integer(0, len(texts) - 1)
    place = draw.integer(1, len(texts[index]) - 2)
    changed = "8" if texts[index][place] == "7" else "7"
    with learner.academy.service.postgres.connect() as connection:
        kept = demand_kept(connection, texts[index])
        chains: list[tuple[int | None, Json]] = [(None, chain_of(learner))]
        broken = texts[index][:place] + changed + texts[index][place + 1 :]
        kept.change(connection, texts[index], broken)
        chains.append((index + 1, chain_of(learner)))
        kept.change(connection, broken, texts[index])
        chains.append((None, chain_of(learner)))
        # One of somebody else's is in no place of this chain, though it is signed.
        other = learner.academy.learner()
        run = other.start(learner.academy.tracks[0].levels[0], other.solution())
        other.ends(run, "passed")
        statement, foreign_signature = receipt_of(other, run)
        foreign, own_signature = canonical(statement).decode(), receipt_of(learner, runs[0])[1]
        kept.take_away(connection, foreign)  # there it is away
        kept.change(connection, texts[0], foreign)
        with_signature(connection, own_signature, foreign_signature)
        chains.append((1, chain_of(learner)))
        kept.change(connection, foreign, texts[0])
        with_signature(connection, foreign_signature, own_signature)
        chains.append((None, chain_of(learner)))
        kept.take_away(connection, texts[-1])
        chains.append((len(texts), chain_of(learner)))
    return chains


@then("the chain tells which it is, and that all is well when it is back")
def the_chain_tells_which_it_is(chains: list[tuple[int | None, Json]]) -> None:
    for broken_at, chain in chains:
        wanted = {"length": 3, "intact": broken_at is None, "broken_at": broken_at}
        got = {name: chain.get(name) for name in wanted}
        expect(got == wanted, expected=json.dumps(wanted), got=json.dumps(got))


@when("runs of many folders end at the same time", target_fixture="runs")
def runs_of_many_folders_end_at_the_same_time(learner: Learner, track: Track) -> list[str]:
    level = track.levels[0]
    end: Actions = [["wait", "gate"], ["end", "pass"], ["exit", 0]]
    script: Script = {str(level.step): [[*passing(level.checks), *end]]}
    runs: list[str] = []
    for _ in range(3):
        solutions = [learner.solution(script) for _ in range(2)]
        started = [learner.start(level, solution) for solution in solutions]
        for run in started:
            wait_until_told(learner, run, len(level.checks))
        # Each has read where the chain ends before either can write.
        with writers_held(learner.academy.service.postgres) as onlooker:
            for solution in solutions:
                solution.open("gate")
            onlooker.wait_for(3, LONGEST_HOLD_SECONDS)  # one may be a lease that is renewed
        for run, solution in zip(started, solutions, strict=True):
            learner.ends(run, "passed")
            expect(len(solution.calls()) == 1, expected="one verification", got=len(solution.calls()))
        runs += started
    return runs


def wait_until_told(learner: Learner, run: str, count: int) -> None:
    """Wait until so many checks of a run have been judged: what is left of it is its end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        checks = [check for level in level_reports(learner.show(run)) for check in checks_in(level).values()]
        if sum(bool(tries_of(check)) for check in checks) == count:
            return
        if time.monotonic() > deadline:
            raise Inconclusive(f"not all of {count} checks were told in time")
        time.sleep(POLL_SECONDS)


@then("each has its own place in one chain")
def each_has_its_own_place(runs: list[str], learner: Learner) -> None:
    numbers = sorted(int(str(receipt_of(learner, run)[0].get("number"))) for run in runs)
    wanted = list(range(1, len(runs) + 1))
    expect(numbers == wanted, expected=f"{wanted}", got=numbers)
    chain = chain_of(learner)
    right = (chain.get("length"), chain.get("intact")) == (len(runs), True)
    expect(right, expected=f"an intact chain of {len(runs)}", got=json.dumps(chain))


@dataclass(frozen=True)
class Standings:
    """How a level stood each time, and within which bounds it was fresh."""

    shown: list[Json]
    contracts: tuple[object, object]
    was_surely_fresh: bool


@when(
    "a level is verified by another contract, by its own, and then not for long", target_fixture="standings"
)
def a_level_is_verified(learner: Learner, track: Track) -> Standings:
    level, draw = track.levels[0], learner.academy.draw
    other = draw.word()
    first, *rest = good(level.checks)
    solution = learner.solution({str(level.step): [[["contract", other], first, *rest], [first, *rest]]})
    learner.ends(learner.start(level, solution), "passed")
    shown = [learner.progress()[level.id]]
    seconds = float(learner.academy.settings["STALE_AFTER_DAYS"]) * 86_400
    began = time.monotonic()
    learner.ends(learner.start(level, solution), "passed")
    shown.append(learner.progress()[level.id])
    fresh = time.monotonic() - began < seconds
    learner.academy.world.sleep_until(time.monotonic() + seconds)
    shown.append(learner.progress()[level.id])
    learner.ends(learner.start(level, solution), "passed")
    shown.append(learner.progress()[level.id])
    return Standings(shown, (other, track.document["contract"]), fresh)


@then("it is stale each time but in between, and completed since the first time")
def it_is_stale_each_time(standings: Standings) -> None:
    first, fresh, old, again = standings.shown
    wanted = [(first, True), (old, True)] + ([(fresh, False)] if standings.was_surely_fresh else [])
    for standing, stale in wanted:
        expect(standing.get("stale") is stale, expected=f"stale: {stale}", got=json.dumps(standing))
    other, own = standings.contracts
    for standing, contract in ((first, other), (fresh, own), (old, own), (again, own)):
        got = standing.get("verified_against")
        expect(got == contract, expected=f"verified against {contract}", got=got)
        same = (standing.get("status"), standing.get("completed_at"), standing.get("trust"))
        expect(
            same == ("COMPLETED", first.get("completed_at"), "hosted"),
            expected=f"COMPLETED since {first.get('completed_at')}, hosted",
            got=json.dumps(standing),
        )
    moments = [str(standing.get("verified_at")) for standing in (first, fresh, again)]
    expect(moments == sorted(set(moments)), expected="a later verified_at each time", got=moments)
    unchanged = old.get("verified_at") == fresh.get("verified_at")
    expect(unchanged, expected=f"verified at {fresh.get('verified_at')}", got=old.get("verified_at"))


@dataclass(frozen=True)
class Own:
    """A service without accounts, and what is judged there."""

    client: Client
    key_file: Path
    solution: Path
    level: str


@given("a service on the learner's own machine, with a key that is not there yet", target_fixture="own")
def a_service_on_the_learners_own_machine(world: World) -> Own:
    settings = verifier_settings(world)
    key_file = world.folder("keys") / world.draw.word()
    key_file.parent.chmod(0o777)
    service = world.start_alone({**settings, "SIGNING_KEY_FILE": str(key_file)}, workers=1)
    solution = Path(settings["SOLUTIONS_DIR"]) / world.draw.word()
    solution.mkdir()
    (solution / "Procfile").write_text("web: true\n")
    return Own(service.client(), key_file, solution, tracks_of(drawn_catalogue(world))[0].levels[0].id)


@when("a run passes there", target_fixture="document")
def a_run_passes_there(own: Own) -> Json:
    asked = own.client.request("POST", RUNS, json={"level_id": own.level, "dir": str(own.solution)})
    run = as_object(asked).get("id")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (shown := as_object(own.client.get(f"{RUNS}/{run}"))).get("state") not in FINAL:
        expect(time.monotonic() < deadline, expected="an end", got=shown.get("state"), timing=True)
        time.sleep(POLL_SECONDS)
    answer = own.client.get(f"{RECEIPTS}/{run}")
    expect(answer.status == OK, expected="a receipt", got=f"{describe_answer(answer)} {shown.get('state')}")
    return as_object(answer)


@then("its receipt is signed with a key that was made, and says local")
def its_receipt_is_signed(own: Own, document: Json) -> None:
    key = load_pem_private_key(own.key_file.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    statement = document.get("receipt")
    assert isinstance(statement, dict)
    expect(statement.get("trust") == "local", expected="trust local", got=statement.get("trust"))
    raw = key.public_key().public_bytes_raw()
    expect(decoded(statement.get("key")) == raw, expected="the key that was made", got=statement.get("key"))
    # A signature by this key of this form is always the same. Source: RFC 8032, section 5.1.6.
    right = decoded(document.get("signature")) == key.sign(canonical(statement))
    expect(right, expected="the signature of the canonical form", got=document.get("signature"))
    chain = as_object(own.client.get(f"{LEARNERS}/{statement.get('user_id')}/chain"))
    expect(chain.get("intact") is True, expected="an intact chain", got=json.dumps(chain))
    mode = own.key_file.stat().st_mode & 0o077
    expect(not mode, expected="a key that nobody else can read", got=f"{mode:o}")
