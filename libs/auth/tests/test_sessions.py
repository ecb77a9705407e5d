"""The life of a session, the same in every store."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth import (
    LoginVoidedError,
    MemorySessionStore,
    SessionEndedError,
    SessionPolicy,
    Sessions,
    SessionStore,
    SettingError,
)

pytestmark = pytest.mark.anyio

type LetPass = Callable[[float], None]

POLICY = SessionPolicy(idle_seconds=100, absolute_seconds=1_000, touch_seconds=10, cap=3)


@pytest.fixture
def sessions(session_store: SessionStore) -> Sessions:
    return Sessions(session_store, POLICY)


async def test_a_token_loads_its_session_and_has_256_bits(sessions: Sessions) -> None:
    issued = await sessions.create("ann", data={"user_agent": "Firefox", "address": "::1"})
    session = await sessions.load(issued.token)

    assert session is not None
    assert (session.id, session.subject) == (issued.session.id, "ann")
    assert session.data == {"user_agent": "Firefox", "address": "::1"}
    assert session.created_at == session.authenticated_at == session.last_seen_at
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", issued.token)
    assert issued.token not in repr(issued)


async def test_the_csrf_token_is_the_sessions_and_ends_with_its_token(sessions: Sessions) -> None:
    anns, bobs = await sessions.create("ann"), await sessions.create("bob")
    loaded = await sessions.load("A" * 43, bobs.token, anns.token)
    rotated = await sessions.rotate(bobs.session)

    assert loaded is not None
    assert loaded.csrf_token == bobs.session.csrf_token
    tokens = {one.session.csrf_token for one in (anns, bobs, rotated)}
    assert len(tokens) == 3
    assert not tokens & {hashlib.sha256(one.token.encode()).hexdigest() for one in (anns, bobs, rotated)}
    assert [one.csrf_token for one in await sessions.list("ann")] == [""]


async def test_what_names_a_session_does_not_authenticate(sessions: Sessions) -> None:
    issued = await sessions.create("ann")

    for name in (
        issued.session.id,
        issued.session.digest,
        issued.session.digest[:43],
        "",
        "x" * 43,
        "ü" * 43,
    ):
        assert await sessions.load(name) is None
    assert issued.session.digest == hashlib.sha256(issued.token.encode()).hexdigest()


async def test_a_token_that_was_never_issued_is_not_adopted(sessions: Sessions) -> None:
    chosen = "A" * 43
    issued = await sessions.create("ann", replaces=[chosen, "malformed"])

    assert issued.token != chosen
    assert await sessions.load(chosen) is None


async def test_of_several_tokens_the_first_live_one_counts(sessions: Sessions) -> None:
    dead, first, second = [await sessions.create("ann") for _ in range(3)]
    await sessions.end(dead.token)

    found = await sessions.load("malformed", dead.token, first.token, second.token)

    assert found is not None
    assert found.id == first.session.id


async def test_a_session_in_use_lives_until_its_absolute_end(sessions: Sessions, let_pass: LetPass) -> None:
    issued = await sessions.create("ann")
    for _ in range(11):
        let_pass(90)
        assert await sessions.load(issued.token) is not None
    let_pass(9.5)
    assert await sessions.load(issued.token) is not None
    let_pass(0.5)
    assert await sessions.load(issued.token) is None
    assert await sessions.list("ann") == []


async def test_a_session_that_idles_dies(sessions: Sessions, let_pass: LetPass) -> None:
    issued = await sessions.create("ann")
    let_pass(99)
    assert await sessions.load(issued.token) is not None
    let_pass(99)
    assert await sessions.load(issued.token) is not None
    let_pass(100)
    assert await sessions.load(issued.token) is None


async def test_use_is_noted_at_most_once_in_the_interval(sessions: Sessions, let_pass: LetPass) -> None:
    issued = await sessions.create("ann")
    let_pass(9.5)
    early = await sessions.load(issued.token)
    let_pass(0.5)
    due = await sessions.load(issued.token)

    assert early is not None
    assert due is not None
    assert early.last_seen_at - early.created_at == timedelta(0)
    assert due.last_seen_at - due.created_at >= timedelta(seconds=10)
    assert due.last_seen_at == due.read_at


async def test_an_ended_session_is_dead_and_ends_once(sessions: Sessions) -> None:
    issued = await sessions.create("ann")

    assert [one.id for one in await sessions.end(issued.token)] == [issued.session.id]
    assert await sessions.load(issued.token) is None
    assert list(await sessions.end(issued.token)) == []
    assert list(await sessions.end("malformed")) == []


async def test_a_new_session_ends_those_that_the_browser_presented(sessions: Sessions) -> None:
    """Of whomever they are: another user of the same browser signs in."""
    anns, bobs = await sessions.create("ann"), await sessions.create("bob")
    issued = await sessions.create("ann", replaces=[anns.token, bobs.token])

    assert {one.id for one in issued.ended} == {anns.session.id, bobs.session.id}
    assert await sessions.load(anns.token, bobs.token) is None
    assert [one.id for one in await sessions.list("ann")] == [issued.session.id]


async def test_twenty_logins_that_present_the_same_token_at_once(session_store: SessionStore) -> None:
    sessions = Sessions(session_store, SessionPolicy(cap=50))
    old = await sessions.create("ann")

    issued = await asyncio.gather(*(sessions.create("ann", replaces=[old.token]) for _ in range(20)))

    assert len({one.token for one in issued}) == 20
    assert [one.id for new in issued for one in new.ended] == [old.session.id]
    assert await sessions.load(old.token) is None
    assert len(await sessions.list("ann")) == 20


async def test_above_the_cap_the_least_recently_used_ends(sessions: Sessions, let_pass: LetPass) -> None:
    issued = []
    for _ in range(3):
        issued.append(await sessions.create("ann"))
        let_pass(15)
    assert await sessions.load(issued[0].token) is not None
    others = await sessions.create("bob")
    let_pass(1)
    fourth = await sessions.create("ann")

    assert [one.id for one in fourth.ended] == [issued[1].session.id]
    assert await sessions.load(issued[1].token) is None
    assert [one.id for one in await sessions.list("ann")] == [
        fourth.session.id,
        issued[0].session.id,
        issued[2].session.id,
    ]
    assert await sessions.load(others.token) is not None


async def test_the_cap_holds_when_many_log_in_at_once(sessions: Sessions) -> None:
    issued = await asyncio.gather(*(sessions.create("ann") for _ in range(23)))

    live = {one.id for one in await sessions.list("ann")}
    ended = [one.id for new in issued for one in new.ended]
    assert len(live) == 3
    assert len(ended) == len(set(ended)) == 20
    assert live | set(ended) == {one.session.id for one in issued}
    assert sum([await sessions.load(one.token) is not None for one in issued]) == 3


async def test_a_dead_session_does_not_count_towards_the_cap(sessions: Sessions, let_pass: LetPass) -> None:
    for _ in range(3):
        await sessions.create("ann")
    let_pass(100)

    assert list((await sessions.create("ann")).ended) == []


async def test_rotation_gives_a_new_token_and_the_old_one_is_dead(
    sessions: Sessions, let_pass: LetPass
) -> None:
    issued = await sessions.create("ann", data={"user_agent": "Firefox"})
    let_pass(60)
    rotated = await sessions.rotate(issued.session, authenticated=True)

    assert rotated.token != issued.token
    assert await sessions.load(issued.token) is None
    session = await sessions.load(rotated.token)
    assert session is not None
    assert (session.id, session.subject, session.data) == (issued.session.id, "ann", issued.session.data)
    assert session.authenticated_at - session.created_at >= timedelta(seconds=60)
    assert [one.id for one in await sessions.list("ann")] == [issued.session.id]
    let_pass(99)
    assert await sessions.load(rotated.token) is not None


async def test_rotation_does_not_move_the_absolute_end(sessions: Sessions, let_pass: LetPass) -> None:
    issued = await sessions.create("ann")
    for _ in range(10):
        let_pass(95)
        issued = await sessions.rotate(issued.session, authenticated=True)
    let_pass(50)

    assert await sessions.load(issued.token) is None


async def test_only_a_login_or_the_password_makes_a_session_fresh(
    sessions: Sessions, let_pass: LetPass
) -> None:
    issued = await sessions.create("ann")
    let_pass(60)
    rotated = await sessions.rotate(issued.session)
    assert not rotated.session.is_fresh(60)
    assert rotated.session.is_fresh(65)
    assert (await sessions.rotate(rotated.session, authenticated=True)).session.is_fresh(1)


async def test_of_twenty_rotations_at_once_one_succeeds(sessions: Sessions) -> None:
    issued = await sessions.create("ann")

    outcomes = await asyncio.gather(
        *(sessions.rotate(issued.session) for _ in range(20)), return_exceptions=True
    )

    winners = [one for one in outcomes if not isinstance(one, BaseException)]
    assert len(winners) == 1
    assert all(isinstance(one, SessionEndedError) for one in outcomes if isinstance(one, BaseException))
    assert await sessions.load(winners[0].token) is not None


async def test_loads_during_a_rotation_see_the_old_or_the_new_and_never_lose_it(sessions: Sessions) -> None:
    issued = await sessions.create("ann")

    loads = [asyncio.create_task(sessions.load(issued.token)) for _ in range(10)]
    rotating = asyncio.create_task(sessions.rotate(issued.session))
    loads += [asyncio.create_task(sessions.load(issued.token)) for _ in range(10)]
    loaded, rotated = await asyncio.gather(*loads), await rotating

    assert {one.id for one in loaded if one is not None} <= {issued.session.id}
    found = await sessions.load(rotated.token)
    assert found is not None
    assert [one.id for one in await sessions.list("ann")] == [found.id]


async def test_what_is_in_flight_does_not_bring_an_ended_session_back(
    sessions: Sessions, let_pass: LetPass
) -> None:
    issued = await sessions.create("ann")
    let_pass(20)
    in_flight = await sessions.load(issued.token)
    await sessions.end(issued.token)

    assert in_flight is not None
    with pytest.raises(SessionEndedError):
        await sessions.rotate(in_flight)
    assert await sessions.load(issued.token) is None
    assert await sessions.list("ann") == []


async def test_a_logout_with_a_token_that_was_just_rotated_ends_its_successor(
    sessions: Sessions, let_pass: LetPass
) -> None:
    first = await sessions.create("ann")
    second = await sessions.rotate(first.session)
    third = await sessions.rotate(second.session)

    let_pass(59)
    assert await sessions.load(first.token) is None
    assert [one.id for one in await sessions.end(first.token, second.token)] == [first.session.id]
    assert await sessions.load(third.token) is None


async def test_a_login_with_a_token_that_was_just_rotated_replaces_its_successor(sessions: Sessions) -> None:
    first = await sessions.create("ann")
    second = await sessions.rotate(first.session)
    third = await sessions.create("bob", replaces=[first.token])

    assert [one.id for one in third.ended] == [first.session.id]
    assert await sessions.load(second.token) is None


async def test_a_token_that_was_rotated_long_ago_ends_nothing(sessions: Sessions, let_pass: LetPass) -> None:
    first = await sessions.create("ann")
    second = await sessions.rotate(first.session)
    let_pass(60)

    assert list(await sessions.end(first.token)) == []
    assert await sessions.load(second.token) is not None


async def test_a_public_id_ends_just_that_session_and_nobody_elses(sessions: Sessions) -> None:
    first, second, bobs = [await sessions.create(name) for name in ("ann", "ann", "bob")]

    assert await sessions.end_by_id("ann", bobs.session.id) is None
    assert await sessions.end_by_id("ann", "unknown") is None
    ended = await sessions.end_by_id("ann", second.session.id)

    assert ended is not None
    assert ended.id == second.session.id
    assert await sessions.end_by_id("ann", second.session.id) is None
    assert await sessions.load(second.token) is None
    assert await sessions.load(first.token) is not None
    assert await sessions.load(bobs.token) is not None


async def test_all_sessions_of_a_subject_end_but_one(sessions: Sessions) -> None:
    kept, *others = [await sessions.create("ann") for _ in range(3)]
    bobs = await sessions.create("bob")

    ended = await sessions.end_all("ann", but=kept.session)

    assert {one.id for one in ended} == {one.session.id for one in others}
    assert await sessions.load(*(one.token for one in others)) is None
    assert await sessions.load(kept.token) is not None
    assert [one.id for one in await sessions.end_all("ann")] == [kept.session.id]
    assert await sessions.load(kept.token) is None
    assert await sessions.load(bobs.token) is not None


async def test_a_login_that_began_before_all_sessions_ended_comes_to_nothing(
    sessions: Sessions, let_pass: LetPass
) -> None:
    before = await sessions.moment()
    await sessions.end_all("ann")

    with pytest.raises(LoginVoidedError):
        await sessions.create("ann", begun_at=before)
    assert await sessions.list("ann") == []
    bobs = await sessions.create("bob", begun_at=before)
    let_pass(0.01)
    anns = await sessions.create("ann", begun_at=await sessions.moment())
    assert await sessions.load(bobs.token) is not None
    assert await sessions.load(anns.token) is not None


async def test_a_login_that_took_longer_than_is_remembered_comes_to_nothing(sessions: Sessions) -> None:
    long_ago = await sessions.moment() - timedelta(seconds=601)

    with pytest.raises(LoginVoidedError):
        await sessions.create("ann", begun_at=long_ago)


@pytest.mark.parametrize(
    ("touch", "idle", "absolute", "cap"), [(10, 10, 100, 1), (-1, 10, 100, 1), (1, 10, 9, 1), (1, 10, 10, 0)]
)
def test_a_policy_that_cannot_be_is_refused(touch: float, idle: float, absolute: float, cap: int) -> None:
    with pytest.raises(SettingError):
        SessionPolicy(idle, absolute, touch, cap)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "load", "rotate", "end", "end_all", "wait"]),
        st.integers(min_value=0, max_value=9),
    ),
    max_size=40,
)


@given(steps=STEPS)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_happens_no_token_that_died_lives_again_and_the_cap_holds(
    steps: list[tuple[str, int]],
) -> None:
    asyncio.run(play(steps))


async def play(steps: list[tuple[str, int]]) -> None:
    now = [1_000.0]
    sessions = Sessions(MemorySessionStore(lambda: now[0]), POLICY)
    tokens: list[str] = []
    dead: set[str] = set()
    for verb, number in steps:
        token = tokens[number % len(tokens)] if tokens else "none"
        session = await sessions.load(token)
        match verb:
            case "create":
                tokens.append((await sessions.create("ann", replaces=[token])).token)
                dead.add(token)
            case "rotate" if session:
                tokens.append((await sessions.rotate(session)).token)
                dead.add(token)
            case "end":
                await sessions.end(token)
                dead.add(token)
            case "end_all":
                await sessions.end_all("ann", but=session)
                dead |= {other for other in tokens if other != token}
            case "wait":
                now[0] += 12 * number
        live = [one for one in tokens if await sessions.load(one)]
        assert not dead & set(live)
        assert len(live) == len(await sessions.list("ann")) <= POLICY.cap
        dead |= set(tokens) - set(live)
