"""Steps of groups.feature: groups, and keys that begin alike."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Instance,
    Stream,
    as_object,
    describe_answer,
    expect,
    is_problem,
    wait_until_ready,
)

from .store import CREATED, MALFORMED, NO_CONTENT, OK, Store, field, path_of

scenarios("groups.feature")

INVALID = 422
MOST_GROUPS = 32
LONGEST_GROUP = 128
PRINTED = "".join(map(chr, range(0x20, 0x7F)))


@dataclass(frozen=True)
class Member:
    """An entry, and its groups."""

    key: bytes
    body: bytes
    groups: Sequence[str]


def quoted(groups: Sequence[str]) -> str:
    escaped = (group.replace("\\", "\\\\").replace('"', '\\"') for group in groups)
    return ", ".join(f'"{one}"' for one in escaped)


def member(store: Store, groups: Sequence[str], *, process: int = 0) -> Member:
    key, body = store.key(), store.body()
    store.put(key, body, {"Cache-Groups": quoted(groups)} if groups else {}, process=process)
    return Member(key, body, groups)


def invalidated(store: Store, group: str, *, process: int = 0) -> None:
    with store.service.client(process=process) as client:
        answer = client.request("DELETE", f"/api/v1/groups/{quote(group, safe='')}")
    expect(answer.status == NO_CONTENT, expected="204", got=describe_answer(answer), answer=answer)
    told = field(answer, "cache-group-invalidation")
    expect(
        told == quoted([group]),
        expected=f"Cache-Group-Invalidation: {quoted([group])}",
        got=told,
        answer=answer,
    )


@when("entries are stored with groups, and one group is invalidated", target_fixture="members")
def entries_are_stored_with_groups(store: Store) -> tuple[str, list[Member]]:
    draw = store.draw
    group = draw.choice((draw.word(), f"{draw.word()} {draw.word()}", f'{draw.word()}/"\\%;,{draw.word()}'))
    other, third = draw.word(), draw.word()
    lists: list[list[str]] = [
        [group],
        [other],
        [],
        [group, other],
        [third, group],
        [group + "x"],
        [group[:-1]],
    ]
    lists += [[group.upper()], [other, third]]
    members = [member(store, groups) for groups in draw.shuffle([*lists, *lists])]
    for one in members:
        is_there(store, one)
    invalidated(store, group)
    return group, members


def is_there(store: Store, one: Member, *, process: int = 0) -> None:
    answer = store.expect_hit(one.key, one.body, process=process)
    told = answer.header("cache-groups")
    wanted = quoted(one.groups) if one.groups else None
    expect(told == wanted, expected=f"Cache-Groups: {wanted}", got=told, answer=answer)


@then("each entry of it is a miss, every other is there with its groups, and what is stored anew is there")
def each_entry_of_it_is_a_miss(store: Store, members: tuple[str, list[Member]]) -> None:
    group, entries = members
    for one in entries:
        if group not in one.groups:
            is_there(store, one)
            continue
        put = store.ask("PUT", one.key, {"If-Match": "*"}, b"x") if len(one.groups) > 1 else None
        expect(put is None or put.status == 412, expected="412: nothing is there", got=put and put.status)
        store.expect_miss(one.key)
        again = store.put(one.key, one.body, {"Cache-Groups": quoted(one.groups)})
        expect(again.status == CREATED, expected="201: nothing was there", got=describe_answer(again))
        is_there(store, one)
    invalidated(store, group)  # the second time as the first
    for one in entries:
        if group in one.groups:
            store.expect_miss(one.key)
        else:
            is_there(store, one)


@when("entries are stored with lists that are unusual, too long and none", target_fixture="refused")
def entries_are_stored_with_unusual_lists(store: Store) -> list[tuple[bytes, Exchange]]:
    draw, word = store.draw, store.draw.word()
    most = [f"{word}{number}" for number in range(MOST_GROUPS)]
    longest = "".join(draw.shuffle(PRINTED)) + draw.text(LONGEST_GROUP - len(PRINTED))
    for groups in (most, [longest]):
        one = member(store, groups)
        is_there(store, one)
        invalidated(store, groups[-1])
        store.expect_miss(one.key)
    key = store.key()
    store.put(key, b"body", {"Cache-Groups": f'"{word}";a=1;b="c" ,  "{word}x"'})
    invalidated(store, word)
    store.expect_miss(key)
    bad = [
        quoted([*most, "more"]),
        quoted([longest + "x"]),
        '""',
        word,
        '"a',
        "1, 2",
        '"a" "b"',
        '"a",',
        '("a")',
        ":YQ==:",
    ]
    refused = []
    for text in draw.shuffle(bad):
        key = store.key()
        store.put(key, b"old")
        refused.append((key, store.ask("PUT", key, {"Cache-Groups": text}, b"new")))
    return refused


@then("the first are given back and count, and the others are refused and change nothing")
def the_others_are_refused(store: Store, refused: list[tuple[bytes, Exchange]]) -> None:
    for key, answer in refused:
        is_problem(answer, MALFORMED)
        store.expect_hit(key, b"old")
    client = store.service.client()
    for name in ("x" * (LONGEST_GROUP + 1), "%C3%A9", "a%0Ab", "a%1F", "%7Fa"):
        is_problem(client.request("DELETE", f"/api/v1/groups/{name}"), INVALID)


@dataclass(frozen=True)
class Across:
    """What is gone, and what is there."""

    gone: Sequence[Member]
    there: Sequence[Member]
    late: bytes


@when(
    "groups are invalidated by one process, while an upload with one of them is on its way at the other",
    target_fixture="across",
)
def groups_are_invalidated_by_one_process(store: Store, second: Instance) -> Across:
    group, other = store.draw.word(), store.draw.word()
    gone = [member(store, [group], process=number % 2) for number in range(4)]
    there = [member(store, [other], process=number % 2) for number in range(4)]
    for one in (*gone, *there):
        is_there(store, one, process=0)
        is_there(store, one, process=1)
    late, body = store.key(), store.body(200_000)
    headers = {
        "Content-Length": str(len(body)),
        "Cache-Groups": quoted([group]),
        "Cache-Control": "max-age=900",
    }
    url = second.url or ""
    with Stream(url, path_of(late), headers, method="PUT") as stream:
        stream.send(body[:100_000])
        store.expect_miss(late)
        begun_by = store.get(late, process=1)
        expect(begun_by.status != OK, expected="nothing yet", got=describe_answer(begun_by))
        time.sleep(0.3)
        invalidated(store, group, process=0)
        stream.send(body[100_000:])
        stream.end()
        answer = stream.answer()
    expect(answer.status == CREATED, expected="201 for what was on its way", got=describe_answer(answer))
    judge(store, Across(gone, there, late))
    for instance in (store.service.web, second):
        instance.kill()
        instance.restart()
    for instance in (store.service.web, second):
        wait_until_ready(instance, timeout_seconds=20)
    return Across(gone, there, late)


@then("no process gives out an entry of them, and what was on its way is a miss, also after a kill")
def no_process_gives_out_an_entry_of_them(store: Store, across: Across) -> None:
    judge(store, across)


def judge(store: Store, across: Across) -> None:
    for process in (0, 1):
        for one in across.gone:
            store.expect_miss(one.key, process=process)
        for one in across.there:
            is_there(store, one, process=process)
        store.expect_miss(across.late, process=process)


@when(
    "entries are stored under keys that begin alike and that do not, and the first are purged",
    target_fixture="purged",
)
def entries_are_stored_under_keys_that_begin_alike(store: Store) -> tuple[list[bytes], list[bytes], Exchange]:
    draw = store.draw
    prefix = draw.choice((f"{draw.word()}/", draw.word(), f"/{draw.word()}//é", f"{draw.word()} +%?"))
    word = draw.word()
    alike = [
        f"{prefix}{tail}".encode() for tail in ("", "x", f"/{word}", f"é{word}", *(str(n) for n in range(9)))
    ]
    alike.append(prefix.encode() + b"\xff")
    others = [
        f"x{prefix}{word}",
        prefix[:-1],
        f"{word}/{prefix}",
        prefix.upper() + word,
        prefix[:-1] + "~" + word,
    ]
    unlike = [other.encode() for other in others if other]
    for key in draw.shuffle([*alike, *unlike]):
        store.put(key, b"body")
    answer = store.service.client().request("DELETE", f"/api/v1/entries?prefix={quote(prefix, safe='')}")
    return alike, unlike, answer


@then("the number of those is told, they are a miss, and all others are there")
def the_number_of_those_is_told(store: Store, purged: tuple[list[bytes], list[bytes], Exchange]) -> None:
    alike, unlike, answer = purged
    expect(answer.status == OK, expected="200", got=describe_answer(answer), answer=answer)
    told = as_object(answer).get("removed")
    expect(told == len(alike), expected=f'"removed": {len(alike)}', got=json.dumps(told), answer=answer)
    for key in alike:
        store.expect_miss(key)
    for key in unlike:
        store.expect_hit(key, b"body")
    client = store.service.client()
    again = as_object(client.request("DELETE", f"/api/v1/entries?prefix={quote(alike[0].decode(), safe='')}"))
    expect(again.get("removed") == 0, expected='"removed": 0', got=again)
    is_problem(client.request("DELETE", "/api/v1/entries"), INVALID)
    is_problem(client.request("DELETE", "/api/v1/entries?prefix="), INVALID)
    for key in unlike:
        store.expect_hit(key, b"body")
