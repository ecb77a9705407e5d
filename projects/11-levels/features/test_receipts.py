"""Steps of receipts.feature."""

import json
import time
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pytest_bdd import scenarios, then, when

from kata.steps import (
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .academy import FINAL, LEARNERS, NOT_FOUND, OK, RECEIPTS, RUNS, Academy, Learner, Local
from .catalogue import Track, drawn_key
from .receipts import Passed, Receipts, canonical, chain_of, decoded, receipt_of
from .solutions import PATIENCE_SECONDS, RUN_POLL_SECONDS, Json, failing

scenarios("receipts.feature")


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


@when("a run passes there", target_fixture="document")
def a_run_passes_there(local: Local, world: World) -> Json:
    client = local.service.client()
    solution = local.solutions / world.draw.word()
    solution.mkdir()
    (solution / "Procfile").write_text("web: true\n")
    level = local.tracks[0].levels[0]
    run = as_object(client.request("POST", RUNS, json={"level_id": level.id, "dir": str(solution)})).get("id")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (shown := as_object(client.get(f"{RUNS}/{run}"))).get("state") not in FINAL:
        expect(time.monotonic() < deadline, expected="an end", got=shown.get("state"), timing=True)
        time.sleep(RUN_POLL_SECONDS)
    answer = client.get(f"{RECEIPTS}/{run}")
    expect(answer.status == OK, expected="a receipt", got=f"{describe_answer(answer)} {shown.get('state')}")
    return as_object(answer)


@then("its receipt is signed with a key that was made, and says local")
def its_receipt_is_signed(local: Local, document: Json) -> None:
    key = load_pem_private_key(local.key_file.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    statement = document.get("receipt")
    assert isinstance(statement, dict)
    expect(statement.get("trust") == "local", expected="trust local", got=statement.get("trust"))
    raw = key.public_key().public_bytes_raw()
    expect(decoded(statement.get("key")) == raw, expected="the key that was made", got=statement.get("key"))
    # A signature by this key of this form is always the same. Source: RFC 8032, section 5.1.6.
    right = decoded(document.get("signature")) == key.sign(canonical(statement))
    expect(right, expected="the signature of the canonical form", got=document.get("signature"))
    chain = as_object(local.service.client().get(f"{LEARNERS}/{statement.get('user_id')}/chain"))
    expect(chain.get("intact") is True, expected="an intact chain", got=json.dumps(chain))
    mode = local.key_file.stat().st_mode & 0o077
    expect(not mode, expected="a key that nobody else can read", got=f"{mode:o}")
