"""Steps of own_sessions.feature."""

from datetime import UTC, datetime

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, expect, is_problem

from .login_site import (
    NO_CONTENT,
    NOT_FOUND,
    OK,
    UNAUTHORIZED,
    Browser,
    Json,
    Site,
    describe,
    is_cleared,
    is_signed_in,
    is_signed_out,
    secret_in,
    wait,
)

CLOCK_SECONDS = 5.0

scenarios("own_sessions.feature")


@when("somebody signs in from several places, and lists the sessions from each", target_fixture="places")
def somebody_signs_in_from_several_places(site: Site) -> list[Browser]:
    account = site.account()
    site.browser()  # somebody else's is in no list
    places = []
    for _ in range(3):
        agent = f"{site.draw.word()}/{site.draw.integer(1, 9)} <b>{site.draw.word()}</b>"
        places.append(site.browser(account, agent))
        wait(0.01)
    body = {"email": account.email, "password": account.password}
    silent = site.raw("POST", "/session", [("Sec-Fetch-Site", "none")], body)
    return [*places, Browser(site, account, secret_in(silent))]


@then("each list has them all with the facts, one of them current, and no id opens anything")
def each_list_has_them_all(site: Site, places: list[Browser]) -> None:
    ids = set()
    for browser in places:
        items = browser.sessions()
        agents = {str(item.get("user_agent")) for item in items}
        expect(
            len(items) == len(places) and agents == {place.agent for place in places},
            expected=f"{len(places)} sessions with their user agents",
            got=items,
        )
        current = [item for item in items if item.get("current") is True]
        expect(
            len(current) == 1 and current[0].get("user_agent") == browser.agent,
            expected=f"one is current, that of {browser.agent}",
            got=current,
        )
        for item in items:
            has_facts(item)
            ids.add(str(item.get("id")))
    expect(len(ids) == len(places), expected="the same ids in all lists", got=ids)
    for session_id in ids:
        answer = site.ask("GET", "/me", cookie=session_id)
        expect(answer.status == UNAUTHORIZED, expected="401 with an id as the cookie", got=describe(answer))


def has_facts(item: Json) -> None:
    for name in ("created_at", "last_seen_at"):
        try:
            moment = datetime.fromisoformat(str(item.get(name)))
            off = abs((moment - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            off = float("inf")
        expect(
            off < CLOCK_SECONDS,
            expected=f"{name}: a moment just now, with an offset",
            got=item.get(name),
            timing=True,
        )


@when(
    "somebody ends one of three sessions, and tries ids of nobody, of a stranger and of an ended one",
    target_fixture="ending",
)
def somebody_ends_one_of_three_sessions(site: Site) -> tuple[list[Browser], list[Exchange]]:
    account, stranger = site.account(), site.browser()
    browsers = site.draw.shuffle([site.browser(account) for _ in range(3)])
    ended, own, kept = browsers
    session_id = ended.session_id()
    refused = [
        own.ask("DELETE", f"/sessions/{stranger.session_id()}"),
        own.ask("DELETE", f"/sessions/{site.draw.text(32)}"),
        own.ask("DELETE", f"/sessions/{session_id[:-1]}"),
        own.ask("DELETE", f"/sessions/{session_id.swapcase()}x"),
    ]
    answer = own.ask("DELETE", f"/sessions/{session_id}")
    expect(answer.status == NO_CONTENT, expected="204", got=describe(answer))
    refused.append(own.ask("DELETE", f"/sessions/{session_id}"))
    return [ended, own, kept, stranger], refused


@then("that one alone has ended, and the other ids are not found")
def that_one_alone_has_ended(ending: tuple[list[Browser], list[Exchange]]) -> None:
    (ended, own, kept, stranger), refused = ending
    for answer in refused:
        is_problem(answer, NOT_FOUND)
    is_signed_out(ended)
    for browser in (own, kept, stranger):
        is_signed_in(browser)
    expect(len(own.sessions()) == 2, expected="two sessions in the list", got=own.sessions())
    itself = own.ask("DELETE", f"/sessions/{own.session_id()}")
    expect(itself.status == NO_CONTENT, expected="204 for one's own", got=describe(itself))
    is_cleared(itself, "who ends the session that asks has the cookie cleared")


@when("somebody with many sessions ends all others", target_fixture="ended")
def somebody_with_many_sessions_ends_all_others(site: Site) -> tuple[Browser, list[Browser]]:
    account = site.account()
    others = [site.browser(account) for _ in range(3)]
    browser = site.browser(account)
    old = Browser(site, account, browser.secret)
    for other in others:
        is_signed_in(other, process=1)
    answer = browser.ask("POST", "/me/revoke-others", {})
    expect(answer.status == NO_CONTENT, expected="204", got=describe(answer))
    return browser, [*others, old]


@then("they are dead at the next request everywhere, the old secret too, and the new one is live")
def they_are_dead_at_the_next_request(ended: tuple[Browser, list[Browser]]) -> None:
    browser, dead = ended
    for number, other in enumerate(dead):
        is_signed_out(other, process=(number + 1) % 2)
        is_signed_out(other, process=number % 2)
    is_signed_in(browser, process=1)
    expect(len(browser.sessions()) == 1, expected="one session in the list", got=browser.sessions())


@when(
    "somebody signs in far more often than there may be sessions, one by one and at the same instant",
    target_fixture="signed_in",
)
def somebody_signs_in_far_more_often(site: Site) -> tuple[list[Browser], list[Browser], list[Browser]]:
    most = int(site.number("MAX_SESSIONS"))
    account = site.account()
    first = [site.browser(account) for _ in range(most)]
    is_signed_in(first[0])
    together = site.account()
    burst = site.burst([site.login_request(together)] * (most + 20))
    browsers = [Browser(site, together, secret_in(answer)) for answer in burst]
    return first, browsers, [site.browser(account) for _ in range(2)]


@then("as many as there may be are live, and those that were used longest ago have ended")
def as_many_as_there_may_be_are_live(
    site: Site, signed_in: tuple[list[Browser], list[Browser], list[Browser]]
) -> None:
    first, together, last = signed_in
    most = int(site.number("MAX_SESSIONS"))
    # No request is noted within the usual touch time: those that were made first are those used longest ago.
    for browser in first[:2]:
        is_signed_out(browser, "above the cap the least recently used ends")
    for browser in (*first[2:], *last):
        is_signed_in(browser)
    live = [browser for browser in together if browser.me().status == OK]
    expect(len(live) == most, expected=f"{most} live of {len(together)}", got=len(live))
    listed = len(live[0].sessions())
    expect(listed == most, expected=f"{most} in the list", got=listed)
