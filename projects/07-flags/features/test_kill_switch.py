"""Steps of kill_switch.feature."""

from pytest_bdd import scenarios, then, when

from kata.steps import describe_answer, expect, is_problem, wait_until, wait_until_ready

from .answers import ACCEPTED, FAILED, OK, UNAVAILABLE, flags_of, is_same, objects, wanted
from .panel import BACK_SECONDS, Panel

scenarios("kill_switch.feature")

ON_DISK_SECONDS = 1.1


@when("flags of every kind are killed", target_fixture="killed")
def flags_of_every_kind_are_killed(panel: Panel) -> list[str]:
    everybody = [{"name": "r", "variant": "other"}]
    half = [{"variant": "on", "weight": 50}, {"variant": "other", "weight": 50}]
    root = str(panel.flag()["key"])
    documents: list[dict[str, object]] = [
        {},
        {"rules": everybody},
        {"default": {"split": half}},
        {"prerequisites": [{"flag": root, "variant": "on"}]},
        {"client_side": True, "rules": [{"name": "p", "variant": "other", "percentage": 99}]},
    ]
    keys = [str(panel.flag(**members)["key"]) for members in panel.draw.shuffle(documents)]
    panel.key("browser")
    panel.known_everywhere(keys[-1])
    for key in keys:
        answer = panel.manage("PUT", f"/flags/{key}/kill")
        is_same(wanted(answer, OK), {"key": key, "killed": True, "audit": "recorded"}, "the kill")
        again = panel.manage("PUT", f"/flags/{key}/kill")
        wanted(again, OK, "a second kill")
        told = objects(wanted(panel.manage("GET", f"/audit?flag={key}"), OK).get("items"))
        actions = [one["action"] for one in told]
        expect(actions == ["kill", "kill", "create"], expected="an entry of each kill", got=actions)
        panel.everywhere(key, "off", {"targetingKey": panel.draw.word()})
    return keys


@then("each is off everywhere, whoever asks, until the kill is lifted")
def each_is_off_everywhere(panel: Panel, killed: list[str]) -> None:
    for key in killed:
        for process in (0, 1):
            for context in ({}, {"targetingKey": panel.draw.word()}):
                is_same(
                    wanted(panel.ask(key, context, process=process), OK),
                    {"reason": "DISABLED", "variant": "off", "value": "no"},
                    "a killed flag",
                )
            is_same(flags_of(panel.bulk({}, process=process))[key], {"reason": "DISABLED"}, "in a bulk")
        shown = panel.show(key)
        is_same(wanted(shown, OK), {"killed": True, "enabled": True}, "the killed flag")
        panel.change(key, description="a change lifts no kill")
        panel.everywhere(key, "off", {"targetingKey": "x"})
        old = panel.manage("DELETE", f"/flags/{key}/kill", version=shown.header("etag"))
        is_problem(old, FAILED)
        tag = panel.show(key).header("etag")
        lifted = panel.manage("DELETE", f"/flags/{key}/kill", version=tag)
        is_same(wanted(lifted, OK), {"killed": False}, "the kill that is lifted")
        for process in (0, 1):
            panel.soon(
                lambda process=process, key=key: (  # type: ignore[misc]
                    wanted(panel.ask(key, {"targetingKey": "x"}, process=process), OK)["reason"] != "DISABLED"
                ),
                "the flag on again",
            )
        wanted(panel.manage("DELETE", f"/flags/{key}/kill", version="*"), OK, "a lift where no kill is")
        page = wanted(panel.manage("GET", f"/audit?flag={key}&limit=2"), OK)
        entries = objects(page.get("items"))
        is_same(entries[0], {"action": "lift", "actor": panel.settings.admin}, "the audit")
        is_same(entries[1], {"action": "change"}, "the entry before it, for a lift of nothing leaves none")


@when("PostgreSQL is lost, and a flag is killed", target_fixture="key")
def postgresql_is_lost(panel: Panel) -> str:
    key = str(panel.flag(rules=[{"name": "r", "variant": "other"}])["key"])
    panel.everywhere(key, "other")
    proxy = panel.service.postgres.proxy
    if panel.draw.choice([True, False]):
        proxy.cut()
    else:
        proxy.black_hole()
    return key


@then("it gets 202 and the flag is off on every process within a second, also after a restart")
def it_gets_202(panel: Panel, key: str) -> None:
    killed_at = 0.0
    for _ in range(2):
        answer = panel.manage("PUT", f"/flags/{key}/kill")
        killed_at = answer.received
        body = wanted(answer, ACCEPTED)
        is_same(body, {"key": key, "killed": True, "audit": "pending"}, "the kill")
        panel.everywhere(key, "off")
    is_problem(panel.manage("PATCH", f"/flags/{key}", {"enabled": False}, "*"), UNAVAILABLE)
    wait_until(killed_at + ON_DISK_SECONDS)
    panel.service.redis.proxy.cut()  # Redis has it as well, and could tell it to who starts
    panel.service.web.kill()
    panel.service.web.restart()
    wait_until_ready(panel.service.web)
    found = panel.variant(key)
    expect(found == "off", expected="off, from the disk", got=found)
    panel.service.redis.proxy.pass_through()


@then("when PostgreSQL is back the kill is in the audit once, and can be lifted for good")
def the_kill_is_in_the_audit_once(panel: Panel, key: str) -> None:
    panel.service.postgres.proxy.pass_through()
    path = f"/audit?flag={key}"

    def kills() -> int:
        answer = panel.manage("GET", path)
        if answer.status != OK:
            return 0
        entries = objects(wanted(answer, OK).get("items"))
        return sum((one["action"], one["actor"]) == ("kill", panel.settings.admin) for one in entries)

    both = f"2 entries with the action kill by {panel.settings.admin}"
    panel.soon(lambda: kills() == 2, both, seconds=BACK_SECONDS, got=lambda: f"{kills()} of them")
    panel.everywhere(key, "off")
    lifted = panel.manage("DELETE", f"/flags/{key}/kill", version=panel.show(key).header("etag"))
    wanted(lifted, OK)
    panel.everywhere(key, "other")
    panel.service.redis.client.flushall()
    panel.service.web.kill()
    panel.service.web.restart()
    wait_until_ready(panel.service.web)
    panel.everywhere(key, "other")
    expect(kills() == 2, expected="each kill once", got=kills())


@then("a flag is killed without Redis with 200, and without both stores with 503")
def a_flag_is_killed_without_redis(panel: Panel) -> None:
    keys = [str(panel.flag()["key"]) for _ in range(2)]
    panel.known_everywhere(keys[1])
    redis, postgres = panel.service.redis.proxy, panel.service.postgres.proxy
    redis.black_hole()
    wanted(panel.manage("PUT", f"/flags/{keys[0]}/kill"), OK)
    panel.everywhere(keys[0], "off")
    redis.cut()
    postgres.cut()
    refused = panel.manage("PUT", f"/flags/{keys[1]}/kill")
    is_problem(refused, UNAVAILABLE)
    retry = refused.header("retry-after")
    expect(retry is not None and retry.isdigit() and int(retry) >= 1, expected="Retry-After", got=retry)
    for process in (0, 1):
        variants = [panel.variant(key, process=process) for key in keys]
        expect(variants == ["off", "on"], expected="what was served before", got=variants)
    redis.pass_through()
    postgres.pass_through()
    panel.soon(
        lambda: panel.manage("PUT", f"/flags/{keys[1]}/kill").status == OK,
        "the switch back",
        seconds=BACK_SECONDS,
    )
    got = describe_answer(refused)
    expect(panel.variant(keys[1]) == "off", expected="off", got=got)
