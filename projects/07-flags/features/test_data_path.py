"""Steps of data_path.feature: each store is lost in the ways that stores are lost."""

import time
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from pytest_bdd import given, scenarios, then, when

from kata.steps import Exchange, FaultProxy, World, describe_answer, expect, is_problem, wait_until_ready

from .answers import NOT_FOUND, OK, UNAUTHORIZED, UNAVAILABLE, flags_of, is_ofrep_error, is_same, wanted
from .panel import BACK_SECONDS, SLACK_SECONDS, Panel, Settings, announced

scenarios("data_path.feature")

STALE_SECONDS = 4.0
CLOSED_PORT = 9


@when("flags are made and changed", target_fixture="keys")
def flags_are_made_and_changed(panel: Panel) -> list[str]:
    keys = []
    for _ in range(panel.draw.integer(3, 5)):
        key = str(panel.flag()["key"])
        panel.everywhere(key, "on")
        keys.append(key)
    return keys


@then("each process serves the change within a second")
def each_process_serves_the_change(panel: Panel, keys: list[str]) -> None:
    for key in keys:
        variant = panel.draw.choice(["other", "off"])
        panel.change(key, default={"variant": variant})
        panel.everywhere(key, variant)
    for process in (0, 1):
        entries = flags_of(panel.bulk({}, process=process))
        expect(set(keys) <= entries.keys(), expected="all flags in a bulk", got=sorted(entries)[:9])


@given("a process with both stores, one without Redis, and one without PostgreSQL", target_fixture="panel")
def a_process_with_both_stores(world: World, settings: Settings) -> Panel:
    panel = Panel(world.start_alone(settings.environment()), world.draw, settings)
    panel.flag()
    panel.key()
    nowhere = f"127.0.0.1:{CLOSED_PORT}"
    for name, url in (
        ("REDIS_URL", f"redis://{nowhere}/0"),
        ("DATABASE_URL", f"postgresql://a:b@{nowhere}/c"),
    ):
        panel.service.add("web", {name: url})
    return panel


@then("a change is on each of them within a second")
def a_change_is_on_each_of_them(panel: Panel) -> None:
    key = str(panel.flag()["key"])
    for variant in ("on", "other", "off"):
        panel.change(key, default={"variant": variant})
        panel.everywhere(key, variant)
    refused = panel.service.client(panel.admin_headers, process=2)
    answer = refused.request(
        "PATCH", f"/api/v1/flags/{key}", json={"enabled": False}, headers={"If-Match": "*"}
    )
    is_problem(answer, UNAVAILABLE)
    expect(answer.header("retry-after") is not None, expected="Retry-After", got="none", answer=answer)


def losses(panel: Panel) -> list[tuple[str, Callable[[FaultProxy], object]]]:
    ways: list[tuple[str, Callable[[FaultProxy], object]]] = [
        ("refused", lambda proxy: proxy.cut()),
        ("silent", lambda proxy: proxy.black_hole()),
    ]
    return panel.draw.shuffle(ways)


@when("each store is lost in turn, refused, silent or restarted and empty", target_fixture="answered")
def each_store_is_lost_in_turn(panel: Panel) -> list[tuple[str, int]]:
    key = str(panel.flag(rules=[{"name": "r", "variant": "other", "percentage": 50}])["key"])
    panel.known_everywhere(key)
    panel.key("browser")
    answered: list[tuple[str, int]] = []
    ways = losses(panel)
    stores = {"PostgreSQL": panel.service.postgres.proxy, "Redis": panel.service.redis.proxy}
    for (store, proxy), (way, lose) in zip(panel.draw.shuffle(stores.items()), ways, strict=True):
        lose(proxy)
        for number in range(12):
            context = {"targetingKey": f"user-{number}"}
            answer = panel.ask(key, context, process=number % 2)
            answered.append((f"{store} {way}", answer.status))
            slow = answer.received - answer.sent
            expect(slow < 1.0, expected="an answer at once", got=f"{slow:.2f} s", answer=answer, timing=True)
            answered.append((f"{store} {way}, a bulk", panel.bulk(context, process=number % 2).status))
            time.sleep(0.05)
        wrong = panel.ask(key, {}, headers={"X-API-Key": panel.draw.text(30)})
        if store == "PostgreSQL":
            answered.append(
                (f"{store} {way}, an unknown key", OK if wrong.status == UNAVAILABLE else wrong.status)
            )
            is_problem(panel.manage("GET", "/flags"), UNAVAILABLE)
            health = panel.service.client().get("/health").status, panel.service.client().get("/ready").status
            expect(health == (OK, OK), expected="/health and /ready with 200", got=health)
        proxy.pass_through()
        panel.soon(lambda: panel.manage("GET", "/flags").status == OK, "the store back", seconds=BACK_SECONDS)
    panel.service.redis.client.flushall()
    answered.append(("Redis emptied", panel.ask(key, {"targetingKey": "x"}).status))
    return answered


@then("flags are evaluated all the time, and nobody gets 401")
def flags_are_evaluated_all_the_time(answered: list[tuple[str, int]]) -> None:
    wrong = [one for one in answered if one[1] != OK]
    expect(not wrong, expected="200 each time, and 503 for a key that cannot be looked up", got=wrong)


@then("a change is possible as soon as PostgreSQL is back, and is everywhere")
def a_change_is_possible(panel: Panel) -> None:
    key = str(panel.flag()["key"])
    panel.everywhere(key, "on")
    panel.service.web.kill()
    panel.service.web.restart()
    wait_until_ready(panel.service.web)
    panel.change(key, default={"variant": "off"})
    panel.everywhere(key, "off")
    refused = panel.ask(key, headers={"X-API-Key": panel.draw.text(30)})
    is_ofrep_error(refused, UNAUTHORIZED, "GENERAL", key)


@pytest.fixture
def last(panel: Panel) -> tuple[str, str]:
    """A flag with a rule, and the variant that one person has of it."""
    rules = [{"name": "r", "split": [{"variant": "on", "weight": 40}, {"variant": "other", "weight": 60}]}]
    key = str(panel.flag(rules=rules)["key"])
    panel.known_everywhere(key)
    return key, str(panel.variant(key, {"targetingKey": "user-1"}))


@when("both stores are lost")
def both_stores_are_lost(panel: Panel, last: tuple[str, str]) -> None:
    assert last
    time.sleep(1.2)  # longer than a change may take to be everywhere, and so on the disk
    panel.service.postgres.proxy.cut()
    panel.service.redis.proxy.cut()


def served(panel: Panel, last: tuple[str, str], process: int) -> object:
    key, variant = last
    body = wanted(panel.ask(key, {"targetingKey": "user-1"}, process=process), OK)
    expect(body.get("variant") == variant, expected=f"{variant} as before", got=body)
    metadata = body.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


@then("the last ruleset is served, and answers tell how old it is")
def the_last_ruleset_is_served(panel: Panel, last: tuple[str, str]) -> None:
    lost = time.monotonic()
    for process in (0, 1):
        metadata = served(panel, last, process)
        if time.monotonic() < lost + 1:
            expect("stale" not in dict(metadata), expected="nothing said of its age yet", got=metadata)  # type: ignore[call-overload]
    time.sleep(max(0.0, lost + STALE_SECONDS - time.monotonic()))
    for process in (0, 1):
        metadata = dict(served(panel, last, process))  # type: ignore[call-overload]
        age, waited = metadata.get("rulesetAgeSeconds"), time.monotonic() - lost
        is_age = isinstance(age, int | float) and not isinstance(age, bool)
        right = is_age and waited - 3 < float(str(age)) <= waited + 2
        is_same(metadata, {"stale": True}, f"metadata after {STALE_SECONDS:g} s without a store")
        wanted_age = f"rulesetAgeSeconds, a number of about {waited:.1f}"
        expect(right, expected=wanted_age, got=metadata.get("rulesetAgeSeconds", "none"), timing=is_age)
        bulk = wanted(panel.bulk({}, process=process), OK).get("metadata")
        expect(isinstance(bulk, dict) and bulk.get("stale") is True, expected="the same in a bulk", got=bulk)


@then("a process that is killed and started then serves it too")
def a_process_that_is_killed(panel: Panel, last: tuple[str, str]) -> None:
    panel.service.web.kill()
    panel.service.web.restart()
    since = time.monotonic()
    panel.soon(
        lambda: panel.ask(last[0], {"targetingKey": "user-1"}).status == OK,
        "the snapshot on the disk",
        since,
        seconds=10,
    )
    metadata = dict(served(panel, last, 0))  # type: ignore[call-overload]
    expect(metadata.get("stale") is True, expected="stale", got=metadata)
    is_ofrep_error(panel.ask(panel.draw.word()), NOT_FOUND, "FLAG_NOT_FOUND")
    panel.service.postgres.proxy.pass_through()
    panel.service.redis.proxy.pass_through()
    panel.soon(lambda: panel.manage("GET", "/flags").status == OK, "PostgreSQL back", seconds=BACK_SECONDS)
    panel.change(last[0], enabled=False)
    panel.everywhere(last[0], "off", {"targetingKey": "user-1"})


@then("a process that cannot hear of a change says 503 within a second to who has heard of it")
def a_process_that_cannot_hear(panel: Panel) -> None:
    key = str(panel.flag()["key"])
    panel.everywhere(key, "on")
    first = tag_of(panel)
    panel.change(key, default={"variant": "other"})
    panel.everywhere(key, "other")
    second = tag_of(panel)
    expect(first != second, expected="another configuration after a change", got=first)
    for process in range(len(panel.service.urls)):
        for tag in (first, second, f'"{second}"'):
            entries = flags_of(panel.bulk({}, process=process, config_tag=tag))
            expect(entries[key]["variant"] == "other", expected="that or newer", got=entries[key])
    without_redis, without_postgres = 1, 2
    old = [panel.bulk({}, process=process) for process in range(len(panel.service.urls))]
    panel.service.postgres.proxy.black_hole()
    killed = panel.manage("PUT", f"/flags/{key}/kill")
    expect(killed.status == 202, expected="202", got=describe_answer(killed), answer=killed, timing=True)
    says_503(panel, without_redis, tag_of(panel), old[without_redis])
    panel.service.postgres.proxy.pass_through()
    panel.soon(lambda: panel.manage("GET", "/flags").status == OK, "PostgreSQL back", seconds=BACK_SECONDS)
    written = "the kill written down"
    panel.soon(lambda: panel.serves(key, "off", {}, without_redis), written, seconds=BACK_SECONDS)
    panel.service.redis.proxy.cut()
    lifted = panel.manage("DELETE", f"/flags/{key}/kill", version="*")
    wanted(lifted, OK)
    tag = tag_of(panel)
    says_503(panel, without_postgres, tag, old[without_postgres])
    entries = flags_of(panel.bulk({}, process=without_redis, config_tag=tag))
    expect(entries[key]["variant"] == "other", expected="other, from who can hear", got=entries[key])
    panel.service.redis.proxy.pass_through()
    panel.soon(lambda: panel.serves(key, "other", {}, without_postgres), "the lift", seconds=BACK_SECONDS)


def says_503(panel: Panel, process: int, tag: str, old: Exchange) -> None:
    """Demand 503 of a process that hears of nothing, also where a client has an answer of before."""
    for known in ({}, {"If-None-Match": str(old.header("etag"))}):
        answer = panel.bulk({}, process=process, config_tag=tag, headers=known)
        is_ofrep_error(answer, UNAVAILABLE, "GENERAL")
        took = answer.received - answer.sent
        right = took < 1 + SLACK_SECONDS and answer.header("retry-after") == "1"
        got = f"{took:.2f} s, Retry-After: {answer.header('retry-after')}"
        expect(right, expected="503 within a second, and Retry-After: 1", got=got, answer=answer, timing=True)


def tag_of(panel: Panel) -> str:
    """Return the configuration of the first process as a stream tells it: what comes behind `since=`."""
    uri = announced(panel)
    expect("since=" in uri, expected="a stream with since=", got=uri)
    return unquote(uri.partition("since=")[2].partition("&")[0])
