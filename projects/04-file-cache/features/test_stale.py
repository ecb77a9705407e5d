"""Steps of stale.feature: what has expired, and is given out all the same."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    Side,
    describe_answer,
    expect,
    is_problem,
    side_of_end,
    wait_until,
)

from .asker import FIELD
from .store import (
    CREATED,
    NO_HEADERS,
    NOT_MODIFIED,
    PRECONDITION,
    Store,
    field,
    is_gone_by,
    is_hit,
    is_miss,
    size_of,
)

scenarios("stale.feature")

STATUS = re.compile(r"[!-~]+; *hit; *ttl=(-?[0-9]+)")
CLEANED = 3
MARGIN_SECONDS = 0.8
PARTIAL = 206
SIZE_BYTES = 150_000
AT_ONCE = 0.8


@dataclass(frozen=True)
class Aging:
    """An entry, and for how long it is fresh and then stale."""

    key: bytes
    body: bytes
    put: Exchange
    fresh_seconds: int
    stale_seconds: int

    @property
    def end_seconds(self) -> int:
        return self.fresh_seconds + self.stale_seconds

    def side(self, answer: Exchange, seconds: float) -> Side | None:
        """Say whether an answer was made before or after so many seconds; None if that is not sure."""
        try:
            return side_of_end(self.put, answer, seconds)
        except Inconclusive:
            return None


def aging(store: Store, name: str, headers: Mapping[str, str] = NO_HEADERS, shortest: int = 2) -> Aging:
    draw = store.draw
    fresh, stale = draw.integer(1, 2), draw.integer(shortest, 3)
    times = draw.shuffle((f"{draw.choice(('max-age', 's-maxage'))}={fresh}", f"{name}={stale}"))
    key, body = store.key(), store.body(SIZE_BYTES)
    put = store.put(key, body, {**headers, "Cache-Control": ", ".join(times)})
    return Aging(key, body, put, fresh, stale)


@when("entries with stale-while-revalidate expire", target_fixture="entries")
def entries_with_stale_while_revalidate_expire(store: Store) -> dict[str, Aging]:
    group = store.draw.word()
    entries = {
        what: aging(
            store, "stale-while-revalidate", {"Cache-Groups": f'"{group}"'} if what == "group" else {}
        )
        for what in ("looked at", "filled", "condition", "group", "plain", "deleted")
    }
    for one in entries.values():
        answer = store.get(one.key)
        if one.side(answer, one.fresh_seconds) is Side.WITHIN:
            is_hit(answer, one.body)
            has_ttl(answer, stale=False)
    for what, one in sorted(entries.items(), key=lambda item: item[1].fresh_seconds):
        wait_until(one.put.received + one.fresh_seconds + 0.1)
        if what == "filled":
            is_filled_anew(store, one)
        elif what == "condition":
            conditions_find_nothing(store, one)
        elif what == "deleted":
            is_stale(one, store.get(one.key))
            is_miss(store.ask("DELETE", one.key))
            is_miss(store.get(one.key))
        elif what == "group":
            is_stale(one, store.get(one.key))
            client = store.service.client()
            client.request("DELETE", f"/api/v1/groups/{group}")
            is_miss(store.get(one.key))
        else:
            is_stale(one, store.get(one.key, process=1))
    return entries


def is_stale(one: Aging, answer: Exchange, *, lease: bool = False) -> None:
    """Expect the old entry, if it is sure that its time is not over."""
    if one.side(answer, one.end_seconds) is not Side.WITHIN:
        return
    is_hit(answer, one.body)
    has_ttl(answer, stale=True)
    has_lease = answer.header(FIELD) is not None
    wanted = "a lease with it" if lease else "no lease with it"
    expect(has_lease == lease, expected=wanted, got=answer.header(FIELD), answer=answer)
    expect(
        answer.received - answer.sent < AT_ONCE,
        expected="the old entry at once",
        got=f"after {answer.received - answer.sent:.2f} s",
        answer=answer,
        timing=True,
    )
    control = field(answer, "cache-control")
    has_both = f"max-age={one.fresh_seconds}" in control and f"={one.stale_seconds}" in control
    expect(has_both, expected="Cache-Control with both times", got=control, answer=answer)


def has_ttl(answer: Exchange, *, stale: bool) -> None:
    status = field(answer, "cache-status")
    match = STATUS.match(status)
    is_so = match is not None and (int(match[1]) <= 0 if stale else int(match[1]) > 0)
    wanted = f"a name; hit; ttl={'0 or less' if stale else 'more than 0'}"
    expect(is_so, expected=f"Cache-Status: {wanted}", got=status, answer=answer)


def is_filled_anew(store: Store, one: Aging) -> None:
    """One who is ready to wait is told to make a new one, and the others have the old one meanwhile."""
    wait = {"Prefer": f"wait={store.draw.integer(1, 9)}"}
    is_stale(one, store.get(one.key))
    told = store.get(one.key, wait, process=store.draw.integer(0, 1))
    is_stale(one, told, lease=True)
    for process in (0, 1):
        is_stale(one, store.get(one.key, wait, process=process))
        is_stale(one, store.get(one.key, process=process))
    same = store.get(one.key, {"If-None-Match": field(one.put, "etag")})
    if one.side(same, one.end_seconds) is Side.WITHIN:
        is_same = same.status == NOT_MODIFIED
        expect(is_same, expected="304 for what is stale", got=describe_answer(same), answer=same)
    part = store.get(one.key, {"Range": "bytes=1-4"})
    other = store.get(one.key, {"If-Match": '"other"'})
    if one.side(other, one.end_seconds) is Side.WITHIN:
        is_part = (part.status, part.body) == (PARTIAL, one.body[1:5])
        expect(is_part, expected="206 for a part of what is stale", got=describe_answer(part), answer=part)
        is_problem(other, PRECONDITION)
    token = (told.header(FIELD) or "").partition(";")[0]
    body = store.body()
    put = store.ask("PUT", one.key, {"Cache-Lease": token} if token else {}, body)
    if one.side(told, one.end_seconds) is Side.WITHIN:
        expect(put.status == CREATED, expected="201: nothing fresh was there", got=describe_answer(put))
        store.expect_hit(one.key, body, process=1)


def conditions_find_nothing(store: Store, one: Aging) -> None:
    """What is stale is not there for who would change it."""
    is_stale(one, store.get(one.key))
    is_problem(store.ask("PUT", one.key, {"If-Match": "*"}, b"new"), PRECONDITION)
    is_stale(one, store.get(one.key))
    put = store.ask("PUT", one.key, {"If-None-Match": "*"}, b"new")
    expect(put.status == CREATED, expected="201", got=describe_answer(put), answer=put)
    store.expect_hit(one.key, b"new")


@then("each is given out until that time is over, and one reader is told to make a new one")
def each_is_given_out_until_that_time_is_over(store: Store, entries: dict[str, Aging]) -> None:
    waiting = [entries["looked at"], entries["plain"]]
    for one in sorted(waiting, key=lambda each: each.put.sent + each.end_seconds):
        wait_until(one.put.sent + one.end_seconds - 0.25)
        is_stale(one, store.get(one.key))
        wait_until(one.put.received + one.end_seconds + 0.06)
        answer = store.get(one.key)
        is_miss(answer)


@then("then its bytes are gone")
def its_bytes_are_gone(store: Store, entries: dict[str, Aging]) -> None:
    last = max(one.put.received + one.end_seconds for one in entries.values())
    deadline = last + CLEANED * (float(store.settings["CLEANUP_SECONDS"]) + MARGIN_SECONDS)

    def left() -> int:
        return sum(1 for path in store.files() if size_of(path) >= SIZE_BYTES)

    is_gone_by(deadline, left, expected="no file of what has expired", got="of them")


@when("entries with stale-if-error expire", target_fixture="entries")
def entries_with_stale_if_error_expire(store: Store) -> dict[str, Aging]:
    entries = {what: aging(store, "stale-if-error") for what in ("one", "two")}
    entries["both"] = aging(store, "stale-while-revalidate=1, stale-if-error", shortest=3)
    entries["none"] = aging(store, "stale-while-revalidate=0, x")
    for one in sorted(entries.values(), key=lambda each: each.put.sent + each.fresh_seconds):
        wait_until(one.put.received + one.fresh_seconds + 0.06)
    return entries


@then("they are given to who says that a new one could not be made, and to nobody else")
def they_are_given_to_who_says_so(store: Store, entries: dict[str, Aging]) -> None:
    draw = store.draw
    for what in ("one", "two"):
        one = entries[what]
        for text in draw.shuffle(
            (
                "stale-if-error=3600",
                "no-transform, Stale-If-Error=99999999999",
                f"stale-if-error={10**6}, x=y",
            )
        ):
            is_stale(one, store.get(one.key, {"Cache-Control": text}))
        for text in ("stale-if-error=0", "max-age=0", "stale-if-error", "stale-if-error=x", '"', "stale=9"):
            is_miss(store.get(one.key, {"Cache-Control": text}))
        is_miss(store.get(one.key))
        put = store.ask("PUT", one.key, {"If-Match": "*"}, b"new")
        is_problem(put, PRECONDITION)
    is_miss(store.get(entries["none"].key, {"Cache-Control": "stale-if-error=3600"}))
    for one in sorted(entries.values(), key=lambda each: each.put.sent + each.end_seconds):
        wait_until(one.put.sent + one.end_seconds - 0.25)
        if one is not entries["none"]:
            is_stale(one, store.get(one.key, {"Cache-Control": "stale-if-error=3600"}))
        wait_until(one.put.received + one.end_seconds + 0.06)
        is_miss(store.get(one.key, {"Cache-Control": "stale-if-error=3600"}))
