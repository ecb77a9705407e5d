"""Steps of chain.feature."""

import json
import time
from dataclasses import dataclass

from psycopg import Connection, sql
from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Inconclusive,
    expect,
    writers_held,
)

from .academy import Learner, checks_in, level_reports, tries_of
from .catalogue import Track
from .receipts import canonical, chain_of, decoded, receipt_of
from .solutions import PATIENCE_SECONDS, RUN_POLL_SECONDS, Actions, Json, Script, passing

LONGEST_HOLD_SECONDS = 0.6  # a third of the shortest lease: nobody loses one by it
COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
     WHERE table_schema = current_schema() AND data_type = ANY(%s)
"""

type Value = str | bytes


scenarios("chain.feature")


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
        # All digests are right, and nobody has signed it.
        signature = receipt_of(learner, runs[index])[1]
        forged = ("B" if signature[0] == "A" else "A") + signature[1:]
        with_signature(connection, signature, forged)
        chains.append((index + 1, chain_of(learner)))
        with_signature(connection, forged, signature)
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
        time.sleep(RUN_POLL_SECONDS)


@then("each has its own place in one chain")
def each_has_its_own_place(runs: list[str], learner: Learner) -> None:
    numbers = sorted(int(str(receipt_of(learner, run)[0].get("number"))) for run in runs)
    wanted = list(range(1, len(runs) + 1))
    expect(numbers == wanted, expected=f"{wanted}", got=numbers)
    chain = chain_of(learner)
    right = (chain.get("length"), chain.get("intact")) == (len(runs), True)
    expect(right, expected=f"an intact chain of {len(runs)}", got=json.dumps(chain))
