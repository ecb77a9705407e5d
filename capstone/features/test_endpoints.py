"""Steps of endpoints.feature."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pytest_bdd import scenarios, then, when

from kata.steps import (
    CallbackServer,
    Exchange,
    Reply,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .hooks import Hook, data_of, hook, id_of, is_by, targets_of
from .saas import (
    CONFLICT,
    PATIENCE_SECONDS,
    Home,
    Json,
    Site,
    as_json,
    mails_to,
)
from .trail import export_of, followed, is_signed, key_of

QUIET_SECONDS = 1.5
LATE_SECONDS = 1.5

scenarios("endpoints.feature")


@dataclass(frozen=True)
class Disabled:
    """Endpoints that are to be disabled, since when, and what they miss."""

    since: datetime
    gone: Hook
    failing: Hook
    admins: list[str]
    member: str
    missed: list[str]


@when("an endpoint answers that it is gone, and another one fails for too long", target_fixture="disabled")
def an_endpoint_is_gone(site: Site, home: Home, sink: CallbackServer) -> Disabled:
    since = datetime.now(UTC) - timedelta(seconds=2)
    admins = [home.person.email, site.member(home, "admin").person.email]
    member = site.member(home, "member").person.email
    gone = hook(site, home, sink, Reply(410))
    failing = hook(site, home, sink, site.draw.choice([Reply(500), Reply.reset(), Reply.redirect("/")]))
    missed = [str(home.project(site.draw.word())["id"])]
    reasons = [one.until("disabled").get("disabled_reason") for one in (gone, failing)]
    expect(reasons == ["gone", "failing"], expected="gone and failing", got=reasons)
    missed.append(str(home.project(site.draw.word())["id"]))
    return Disabled(since, gone, failing, admins, member, missed)


@then("both are disabled, nothing more is sent to them, and the admins are told by mail")
def both_are_disabled(site: Site, disabled: Disabled) -> None:
    gone, failing = disabled.gone, disabled.failing
    for email, count in zip(disabled.admins, (2, 3), strict=True):  # an admin was invited, too
        texts = [mail.text for mail in mails_to(site, email, count)]
        for one in (gone, failing):
            told = any(one.url in text for text in texts)
            expect(told, expected=f"a mail to {email} about {one.url}", got=texts)
    time.sleep(QUIET_SECONDS)
    expect(len(gone.calls(0)) == 1, expected="one call, and no more", got=len(gone.calls(0)))
    calls = failing.calls(0)
    failures = int(site.settings["DISABLE_FAILURES"])
    span = calls[-1].received - calls[0].received
    at_least = float(site.settings["DISABLE_SECONDS"]) - 0.2
    right = len(calls) >= failures and span > at_least
    expect(
        right, expected=f"{failures} failures over {at_least:g} s before", got=f"{len(calls)}, {span:.2f} s"
    )
    targets = set(targets_of(calls))
    expect(targets == {disabled.missed[0]}, expected="nothing of what came later", got=targets)
    mails = site.service.mail.server.wait_for(disabled.member, 2, 0)
    expect(not any("disabled" in mail.text for mail in mails), expected="no mail to a member", got=mails)


@then("when they are enabled again they are sent what they have missed")
def when_they_are_enabled_again(home: Home, disabled: Disabled) -> None:
    for one in (disabled.gone, disabled.failing):
        early = home.http.request("POST", f"{one.place}/recover?since={stamp(disabled.since)}")
        is_problem(early, CONFLICT)
        before = len(one.calls(0))
        one.sink.program(one.path, Reply())
        answer = as_object(home.http.request("POST", f"{one.place}/enable"))
        shown = {name: answer.get(name) for name in ("state", "disabled_reason", "failing_since")}
        wanted = {"state": "enabled", "disabled_reason": None, "failing_since": None}
        expect(shown == wanted, expected=str(wanted), got=answer)
        later = stamp(datetime.now(UTC) + timedelta(hours=1))
        expect(recovered(home, one, later) == 0, expected="nothing of the future", got="something")
        count = recovered(home, one, stamp(disabled.since))
        expect(count == len(disabled.missed), expected=f"{len(disabled.missed)} deliveries", got=count)
        calls = one.calls(before + count)[before:]
        expect(set(targets_of(calls)) == set(disabled.missed), expected="all", got=targets_of(calls))
        one.settled(count)
        again = recovered(home, one, stamp(disabled.since))
        expect(again == 0, expected="nothing that was taken", got=again)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def recovered(home: Home, one: Hook, since: str) -> int:
    answer = home.http.request("POST", f"{one.place}/recover?since={since}")
    expect(answer.status == 202, expected="202 for a recovery", got=describe_answer(answer))
    return int(str(as_object(answer).get("deliveries")))


@when("an endpoint asks to be left alone for a while", target_fixture="slow")
def an_endpoint_asks(site: Site, home: Home, sink: CallbackServer) -> tuple[Hook, int]:
    seconds = site.draw.integer(3, 4)
    status = site.draw.choice([429, 503, 502])
    one = hook(site, home, sink, Reply(status, {"Retry-After": str(seconds)}), Reply())
    home.project(site.draw.word())
    one.calls(1)
    time.sleep(0.5)
    for _ in range(3):
        home.project(site.draw.word())
    return one, seconds


@then("nothing is sent to it before")
def nothing_is_sent_before(slow: tuple[Hook, int]) -> None:
    one, seconds = slow
    calls = one.calls(5, PATIENCE_SECONDS + seconds)
    waits = [call.received - calls[0].received for call in calls[1:]]
    expect(min(waits) > seconds - 0.2, expected=f"no call for {seconds} s", got=waits)
    for call in calls:
        late = call.received_at.timestamp() - int(call.header("webhook-timestamp") or 0)
        expect(
            late < seconds - 1,
            expected="webhook-timestamp of this attempt",
            got=f"{late:.1f} s ago",
            timing=True,
        )


@dataclass(frozen=True)
class Busy:
    """An ordered endpoint, a silent one and a third, and what was changed in which order."""

    ordered: Hook
    third: Hook
    projects: list[str]
    changed: float


@when("an ordered endpoint fails at first, one is silent, and much is changed", target_fixture="busy")
def an_ordered_endpoint_fails(site: Site, home: Home, sink: CallbackServer) -> Busy:
    failing = [Reply(500)] * site.draw.integer(2, 3)
    ordered = hook(site, home, sink, *failing, Reply(204, delay_seconds=0.05), is_ordered=True)
    hook(site, home, sink, Reply.hang())
    third = hook(site, home, sink)
    projects = [str(home.project(site.draw.word())["id"]) for _ in range(12)]
    return Busy(ordered, third, projects, time.monotonic())


@then("the ordered one gets all in their order, and the third all at once")
def the_ordered_one_gets_all(busy: Busy) -> None:
    calls = busy.third.calls(len(busy.projects))
    late = max(call.received for call in calls) - busy.changed
    expect(late < LATE_SECONDS, expected=f"all within {LATE_SECONDS} s", got=f"{late:.2f} s", timing=True)
    expect(set(targets_of(calls)) == set(busy.projects), expected="all", got=targets_of(calls))
    busy.ordered.settled(len(busy.projects))
    ordered = targets_of(busy.ordered.calls(0))
    first = ordered[: len(ordered) - len(busy.projects) + 1]
    expect(set(first) == {busy.projects[0]}, expected="the first, until it is taken", got=ordered)
    rest = ordered[len(first) - 1 :]
    expect(rest == busy.projects, expected=f"in their order: {busy.projects}", got=rest)


@when("a delivery is sent again, and an endpoint is tried out", target_fixture="resent")
def a_delivery_is_sent_again(
    site: Site, home: Home, sink: CallbackServer
) -> tuple[Hook, Hook, Json, list[Exchange]]:
    one, other = hook(site, home, sink), hook(site, home, sink)
    home.project(site.draw.word())
    for each in (one, other):
        each.calls(1)
    delivery = one.settled(1)[0]
    path = f"{home.path}/deliveries/{delivery['id']}/resend"
    answers = [home.http.request("POST", path)]
    one.calls(2)
    answers.append(home.http.request("POST", f"{one.place}/test"))
    one.calls(3)
    silent = hook(site, home, sink, Reply.hang())
    home.project(site.draw.word())
    silent.calls(1)
    path = f"{home.path}/deliveries/{silent.deliveries()[0]['id']}/resend"
    is_problem(home.http.request("POST", path), CONFLICT)
    return one, other, delivery, answers


@then("the event comes again under its id, and the trial to that endpoint alone")
def the_event_comes_again(resent: tuple[Hook, Hook, Json, list[Exchange]]) -> None:
    one, other, delivery, answers = resent
    for each, count in ((one, 3), (other, 2)):
        each.settled(count)
    statuses = [answer.status for answer in answers]
    expect(statuses == [202, 202], expected="202 and 202", got=statuses)
    same = as_object(answers[0]).get("id")
    expect(same == delivery["id"], expected=f"the delivery {delivery['id']}", got=same)
    first, second, trial = one.calls(0)[:3]
    right = id_of(first) == id_of(second) and first.body == second.body
    expect(right, expected=f"{id_of(first)} again", got=id_of(second))
    for call in (first, second, trial):
        is_by(call, one.secret)
    kind = as_json(trial.body).get("type")
    expect(kind == "endpoint.test", expected="endpoint.test", got=kind)
    kinds = {as_json(call.body).get("type") for call in other.calls(0)}
    expect(kinds == {"project.created"}, expected="no trial at the other", got=kinds)


@when("more is changed than there are entries between two checkpoints", target_fixture="sent_checkpoints")
def more_is_changed(site: Site, home: Home, sink: CallbackServer) -> tuple[Hook, list[int]]:
    one = hook(site, home, sink, types=["audit.checkpoint"])  # the second entry of the trail
    every = int(site.settings["CHECKPOINT_ENTRIES"])
    last = 2 * every + site.draw.integer(0, every - 1)
    for _ in range(last - 2):
        home.project(site.draw.word())
    return one, [every, 2 * every]


@then("the endpoint gets signed checkpoints, by which the trail can be held to account")
def the_endpoint_gets_checkpoints(site: Site, home: Home, sent_checkpoints: tuple[Hook, list[int]]) -> None:
    one, numbers = sent_checkpoints
    calls = one.calls(len(numbers))
    checkpoints = [data_of(call) for call in calls]
    got = sorted(int(str(checkpoint.get("seq"))) for checkpoint in checkpoints)
    expect(got == numbers, expected=f"checkpoints {numbers}", got=got)
    key = key_of(site)
    said = export_of(home)
    followed(said)
    hashes = {line.get("seq"): line.get("hash") for line in (as_json(one.encode()) for one in said)}
    for checkpoint in checkpoints:
        is_signed(checkpoint, key)
        seq, head = checkpoint.get("seq"), checkpoint.get("head")
        expect(hashes.get(seq) == head, expected=f"the hash of entry {seq}", got=checkpoint)
