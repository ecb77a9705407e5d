"""Steps of chain.feature."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Request,
    as_object,
    expect,
)

from .saas import (
    JSON,
    STALE,
    Home,
    Json,
    Site,
)
from .trail import (
    Row,
    checkpoint_of,
    export_of,
    followed,
    grown,
    is_signed,
    judged,
    key_of,
    linked,
    put_rows,
    rows_of,
    verdict_of,
)

MANY = 12

scenarios("chain.feature")


@when("much is changed at the same instant, in both processes", target_fixture="answers")
def much_is_changed(site: Site, home: Home) -> list[Exchange]:
    project = home.project(site.draw.word())
    headers = {**JSON, **home.person.authorization}
    creates = [
        Request("POST", f"{home.path}/projects", headers, b'{"name": "%d"}' % number)
        for number in range(MANY)
    ]
    changes = [
        Request("PATCH", f"{home.path}/projects/{project['id']}", headers, b'{"description": "%d"}' % number)
        for number in range(MANY)
    ]
    both = site.draw.shuffle([*creates, *changes])
    with ThreadPoolExecutor(2) as pool:
        halves = [
            pool.submit(site.service.burst, half, process=process)
            for process, half in enumerate((both[:MANY], both[MANY:]))
        ]
        answers = [answer for half in halves for answer in half.result()]
    done = {200, 201}
    right = {answer.status for answer in answers} <= {*done, STALE}
    expect(right, expected="200, 201 or 412", got=[answer.status for answer in answers])
    return [answer for answer in answers if answer.status in done]


@then("the chain has each change once, and holds")
def the_chain_has_each_change_once(home: Home, answers: list[Exchange]) -> None:
    said = followed(export_of(home))
    wanted = len(answers) + 2  # the organisation, and the project that was changed
    expect(len(said) == wanted, expected=f"{wanted} entries", got=len(said))
    created = [str(one.get("target")) for one in said if one.get("action") == "project.created"]
    ids = {str(as_object(answer)["id"]) for answer in answers}
    expect(ids <= set(created), expected="each project", got=sorted(ids - set(created)))
    expect(len(set(created)) == len(created), expected="each project once", got=created)
    verdict = verdict_of(home)
    expect(verdict.get("is_intact") is True, expected="a chain that holds", got=verdict)
    expect(verdict.get("entries") == wanted, expected=f"{wanted} entries", got=verdict)


def with_trail(site: Site) -> Home:
    """Make an organisation that has a trail of 8 to 12 entries."""
    home = site.home()
    for _ in range(site.draw.integer(7, 11)):
        home.project(site.draw.word())
    return home


@when("entries of organisations are changed, removed and forged in PostgreSQL", target_fixture="verdicts")
def entries_are_changed(site: Site) -> list[tuple[str, int, Json]]:
    verdicts = []
    for kind in site.draw.shuffle(
        ["text", "hash", "forged", "first", "removed", "swapped", "other", "moved"]
    ):
        home = with_trail(site)
        rows = rows_of(site, home)
        before = verdict_of(home)
        expect(before.get("is_intact") is True, expected="a chain that holds", got=before)
        at = site.draw.integer(1, len(rows) - 3)
        named = spoil(rows, kind, at)
        put_rows(site, home, rows)
        verdicts.append((kind, named, verdict_of(home)))
    return verdicts


def spoil(rows: list[Row], kind: str, at: int) -> int:
    """Change a trail in its place, and return the number at which it does not hold."""
    row = rows[at]
    other = replace(row, text=row.text.replace(b'"user"', b'"operator"'))
    match kind:
        case "text":
            rows[at] = other
        case "hash":
            rows[at] = replace(row, hash=row.hash[::-1])
        case "forged":  # its own hash is right: the next one is not its successor
            rows[at] = other.signed()
            return at + 2
        case "first":
            del rows[0]
            return 1
        case "removed":
            del rows[at]
        case "swapped":
            rows[at], rows[at + 1] = replace(rows[at + 1], seq=at + 1), replace(row, seq=at + 2)
        case "other":  # all hashes are right, and it is another organisation's
            tenant = b"0" * 8
            rows[at] = replace(row, text=re.sub(rb'("tenant": ?")[0-9a-f]{8}', rb"\g<1>" + tenant, row.text))
            rows[:] = linked(rows)
        case _:  # all hashes are right, and it says another number
            rows[at] = replace(row, text=re.sub(rb'("seq": ?)\d+', rb"\g<1>999", row.text))
            rows[:] = linked(rows)
    return at + 1


@then("each verification names the number")
def each_verification_names_the_number(verdicts: list[tuple[str, int, Json]]) -> None:
    for kind, named, verdict in verdicts:
        expect(verdict.get("is_intact") is False, expected=f"a broken chain ({kind})", got=verdict)
        expect(verdict.get("first_bad") == named, expected=f"{named} ({kind})", got=verdict)


@dataclass(frozen=True)
class Exported:
    """What the platform has handed over of a trail."""

    name: str
    lines: list[str]
    kept: list[Json]
    is_intact: bool
    entries: object
    words: str


@when(
    "trails are exported as they are, changed, cut off, put back and written anew", target_fixture="exports"
)
def trails_are_exported(site: Site) -> list[Exported]:
    return [exported(site, name) for name in site.draw.shuffle(list(WORDS))]


WORDS = {
    "as it is": "intact",
    "changed": "changed",
    "removed": "missing",
    "cut off": "cut off, or an older state",
    "put back": "put back, and written on",
    "written anew": "put back, and written on",
}
"""What the verifier says of each."""


def exported(site: Site, name: str) -> Exported:
    home = with_trail(site)
    rows = rows_of(site, home)
    if name == "as it is":  # and long
        rows = grown(rows, site.draw.integer(1000, 2500))
        put_rows(site, home, rows)
    middle = site.draw.integer(3, len(rows) - 3)
    kept = [checkpoint_of(home)]
    for _ in range(site.draw.integer(1, 3)):
        home.project(site.draw.word())
    kept.append(checkpoint_of(home))
    rows = rows_of(site, home)
    chosen = rows[middle - 1]
    other = replace(chosen, text=chosen.text.replace(b'"user"', b'"operator"'))
    match name:
        case "changed":
            put_rows(site, home, [*rows[: middle - 1], other, *rows[middle:]])
        case "removed":
            put_rows(site, home, [*rows[: middle - 1], *rows[middle:]])
        case "cut off":
            put_rows(site, home, rows[:middle])
        case "put back":  # and life goes on, past where it was
            put_rows(site, home, rows[:middle])
            for _ in range(len(rows) - middle + site.draw.integer(0, 2)):
                home.project(site.draw.word())
        case "written anew":
            put_rows(site, home, linked([*rows[: middle - 1], other, *rows[middle:]]))
    verdict = verdict_of(home)
    is_intact = verdict.get("is_intact") is True
    return Exported(name, export_of(home), kept, is_intact, verdict.get("entries"), WORDS[name])


@then("whoever has kept checkpoints sees what was done to each")
def whoever_has_kept_checkpoints_sees(site: Site, exports: list[Exported]) -> None:
    key = key_of(site)
    for one in exports:
        for checkpoint in one.kept:
            is_signed(checkpoint, key)
        code, words = judged(one.lines, key, one.kept)
        right = one.words in words and (code == 0) == (one.name == "as it is")
        expect(right, expected=f"{one.words} (a trail {one.name})", got=f"exit code {code}: {words}")
        if one.name == "as it is":
            expect(
                one.entries == len(one.lines) - 1, expected=f"{len(one.lines) - 1} entries", got=one.entries
            )
        if one.name in {"as it is", "cut off", "put back", "written anew"}:
            # By itself such a chain holds: that is why checkpoints are kept.
            expect(one.is_intact, expected=f"a chain that holds (a trail {one.name})", got="broken")
            followed(one.lines)
