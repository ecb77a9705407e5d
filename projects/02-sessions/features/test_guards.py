"""Steps of guards.feature."""

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Inconclusive, Request, as_object, entries, expect, is_problem, output_once

from .login_site import (
    ACCEPTED,
    FORBIDDEN,
    INVALID,
    MALFORMED,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    UNAUTHORIZED,
    UNSUPPORTED,
    Browser,
    Json,
    Site,
    cookies_of,
    describe,
    is_cleared,
    is_refused,
    is_signed_in,
    is_signed_out,
    items_of,
    secret_in,
    secret_of,
    token_of,
    wait,
)

UNKNOWN_ID = "0190163d-8694-739b-aea5-966c26f8ad91"
CLOCK_SECONDS = 5.0
MARK_DIGITS = 12

scenarios("guards.feature")


def guarded(site: Site) -> list[tuple[str, str, object]]:
    """Return each guarded route with a body that it takes."""
    return [
        ("GET", "/me", None),
        ("HEAD", "/me", None),
        ("HEAD", "/sessions", None),
        ("DELETE", "/session", None),
        ("PUT", "/me/password", {"new_password": site.password()}),
        ("PUT", "/me/email", {"email": site.email()}),
        ("POST", "/me/email/confirmation", {"token": site.draw.text(43)}),
        ("GET", "/sessions", None),
        ("DELETE", f"/sessions/{site.draw.text(32)}", None),
        ("POST", "/me/revoke-others", {}),
        ("GET", "/users?email=a@example.org", None),
        ("PATCH", f"/users/{UNKNOWN_ID}", {"disabled": True}),
        ("DELETE", f"/users/{UNKNOWN_ID}/sessions", None),
    ]


@when(
    "every guarded route is asked without a cookie, and with cookies that are dead, made up and malformed",
    target_fixture="asked",
)
def every_guarded_route_is_asked(site: Site) -> list[tuple[bool, Exchange]]:
    gone = site.browser()
    dead = gone.secret
    gone.ask("DELETE", "/session")
    asked = []
    asked.append((False, site.ask("PUT", "/me/password", {"new_password": 1})))  # 401 comes before 422
    for method, path, body in guarded(site):
        secrets = [None, dead, site.draw.text(len(dead)), site.draw.choice(["", "x", dead[:-1], dead + "x"])]
        for secret in secrets:
            answer = site.ask(method, path, body, cookie=secret)
            asked.append((secret is not None, answer))
    return asked


@then("each answer is 401 with a challenge, and clears the cookie that came along")
def each_answer_is_401_with_a_challenge(asked: list[tuple[bool, Exchange]]) -> None:
    for had_cookie, answer in asked:
        if answer.asked.startswith("HEAD"):
            expect(answer.status == UNAUTHORIZED, expected="401", got=describe(answer))
        else:
            is_problem(answer, UNAUTHORIZED)
        challenge = answer.header("www-authenticate") or ""
        expect(
            challenge.startswith("Session"), expected="WWW-Authenticate: Session …", got=challenge or "none"
        )
        if had_cookie:
            is_cleared(answer, f"a dead cookie is cleared by {answer.asked}")
        else:
            expect(not cookies_of(answer), expected="no Set-Cookie without a cookie", got=cookies_of(answer))


@when(
    "routes are asked that answer with successes and with errors, with GET and with HEAD",
    target_fixture="answers",
)
def routes_are_asked_that_answer_with_all(site: Site, browser: Browser) -> list[Exchange]:
    answers = [browser.ask(method, path) for path in ("/me", "/sessions") for method in ("GET", "HEAD")]
    answers += [
        browser.ask("GET", "/users?email=a@example.org"),
        browser.ask("DELETE", "/sessions/unknown"),
        browser.ask("PUT", "/me/password", {"new_password": "short"}),
        *unreadable(site, browser),
        site.ask("GET", "/me"),
        site.ask("HEAD", "/sessions", cookie=site.draw.text(43)),
        site.ask("DELETE", "/session", cookie=browser.secret, proof={"Sec-Fetch-Site": "cross-site"}),
        site.login(browser.account),
        site.guess(browser.account),
        browser.ask("DELETE", "/session"),
    ]
    statuses = [answer.status for answer in answers]
    wanted = [OK] * 4 + [
        FORBIDDEN,
        NOT_FOUND,
        INVALID,
        MALFORMED,
        UNSUPPORTED,
        UNAUTHORIZED,
        UNAUTHORIZED,
        FORBIDDEN,
        OK,
        UNAUTHORIZED,
    ]
    expect(statuses == [*wanted, NO_CONTENT], expected=str([*wanted, NO_CONTENT]), got=statuses)
    return answers


def unreadable(site: Site, browser: Browser) -> list[Exchange]:
    """Send a body that is no JSON, and one of another type, in a live session."""
    asked = site.request("PUT", "/me/password", {"new_password": site.password()}, cookie=browser.secret)
    text = {**asked.headers, "Content-Type": "text/plain"}
    return [
        browser.client.request(asked.method, asked.path, headers=headers, body=body)
        for headers, body in ((asked.headers, asked.body[:-1]), (text, asked.body))
    ]


@then("each answer is not to be stored, and varies by cookie")
def each_answer_is_not_to_be_stored(answers: list[Exchange]) -> None:
    for answer in answers:
        stored = answer.header("cache-control") or "none"
        expect("no-store" in stored.lower(), expected=f"no-store from {answer.asked}", got=stored)
        varies = answer.header("vary") or "none"
        names = {name.strip().lower() for name in varies.split(",")}
        expect("cookie" in names or "*" in names, expected=f"Vary: Cookie from {answer.asked}", got=varies)
        if answer.asked.startswith("HEAD"):
            expect(not answer.body, expected="no body", got=answer.text[:80])


@dataclass(frozen=True)
class Change:
    """A change, from where it came, whether it may pass, and what it did."""

    what: str
    may: bool
    answer: Exchange
    done: bool


def origins(site: Site) -> Iterator[tuple[str, bool, dict[str, str]]]:
    """Return what requests say of the page that sent them, and whether it is one of the service."""
    scheme, _, rest = site.origin.partition("://")
    host, _, port = rest.partition(":")
    other_scheme = "http" if scheme == "https" else "https"
    other_port = int(port or 443) + 1
    ours, fetch = site.origin, "Sec-Fetch-Site"
    yield "fetched from the same origin", True, {fetch: "same-origin"}
    yield "typed by the user", True, {fetch: "none"}
    yield "fetched from the same origin, with another Origin", True, {fetch: "same-origin", "Origin": "null"}
    yield "our Origin", True, {"Origin": ours}
    yield "fetched from another site", False, {fetch: "cross-site"}
    yield "fetched from a subdomain", False, {fetch: "same-site"}
    yield "fetched from another site, with our Origin", False, {fetch: "cross-site", "Origin": ours}
    yield "fetched from nowhere known", False, {fetch: site.draw.word()}
    yield "no Origin", False, {"Origin": "null"}
    yield "another scheme", False, {"Origin": f"{other_scheme}://{rest}"}
    yield "another port", False, {"Origin": f"{scheme}://{host}:{other_port}"}
    if port:
        yield "no port", False, {"Origin": f"{scheme}://{host}"}
    yield "a subdomain", False, {"Origin": f"{scheme}://www.{rest}"}
    yield "a host that ends like ours", False, {"Origin": f"{scheme}://x{rest}"}
    yield "a host that begins like ours", False, {"Origin": f"{ours}.evil.example"}
    yield "the Host of the request", False, {"Origin": "http://evil.example", "Host": "evil.example"}
    yield "nothing of it", False, {}
    yield "a token that is made up", False, {"X-CSRF-Token": site.draw.text(43)}
    yield "an empty token", False, {"X-CSRF-Token": ""}


@when(
    "changes are sent from every kind of page, with and without a cookie and a token",
    target_fixture="changes",
)
def changes_are_sent_from_every_kind_of_page(site: Site) -> list[Change]:
    account, owner, other = site.account(), site.browser(), site.browser()
    token = owner.csrf_token()
    said = [
        *origins(site),
        ("its own token", True, {"X-CSRF-Token": token}),
        ("the token of another session", False, {"X-CSRF-Token": other.csrf_token()}),
        ("its own token, from another site", False, {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"}),
        ("its own token, from another Origin", False, {"X-CSRF-Token": token, "Origin": "null"}),
    ]
    changes = []
    nobody = site.ask("PUT", "/me/password", {}, cookie=site.draw.text(43), proof={"Origin": "null"})
    changes.append(
        Change("PUT /me/password: no Origin, no session and no password", False, nobody, done=False)
    )
    for what, may, headers in site.draw.shuffle(said):
        victim = owner if "X-CSRF-Token" in headers else site.browser(account)
        method, path, body = site.draw.choice(unsafe(site, harmless=victim is owner))
        answer = site.ask(method, path, body, cookie=victim.secret, proof=headers)
        done = answer.status != FORBIDDEN or (not may and victim.me().status != OK)
        changes.append(Change(f"{method} {path}: {what}", may, answer, done))
        body = {"email": account.email, "password": account.password}
        login = site.ask("POST", "/session", body, proof=headers)
        may_log_in = may and "X-CSRF-Token" not in headers
        changes.append(Change(f"the login: {what}", may_log_in, login, secret_of(login) is not None))
    return changes


def unsafe(site: Site, *, harmless: bool) -> list[tuple[str, str, object]]:
    """Return routes that change something; the harmless ones leave the session as it is."""
    routes: list[tuple[str, str, object]] = [
        ("POST", "/registrations", {"email": site.email()}),
        ("POST", "/accounts", {"token": site.draw.text(43), "password": site.password()}),
        ("PUT", "/me/email", {"email": site.email()}),
        ("POST", "/me/email/confirmation", {"token": site.draw.text(43)}),
        ("DELETE", f"/sessions/{site.draw.text(32)}", None),
    ]
    if harmless:
        return routes
    return [*routes, ("DELETE", "/session", None), ("POST", "/me/revoke-others", {})]


@then("those from pages of the service pass, and all others get 403 and change nothing")
def those_from_pages_of_the_service_pass(changes: list[Change]) -> None:
    for change in changes:
        if change.may:
            expect(change.done, expected=f"a success for {change.what}", got=describe(change.answer))
        else:
            is_problem(change.answer, FORBIDDEN, f"403 for {change.what}")
            expect(not change.done, expected=f"nothing done for {change.what}", got="it was done")


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
    "somebody with many sessions changes the password, after changes that are refused", target_fixture="ended"
)
def somebody_changes_the_password(site: Site) -> tuple[Browser, list[Browser], str]:
    account = site.account()
    others = [site.browser(account) for _ in range(2)]
    browser = site.browser(account)
    wrong = {"new_password": site.password(), "current_password": site.password()}
    refused = browser.ask("PUT", "/me/password", wrong)
    is_problem(refused, FORBIDDEN, "a wrong current password is refused with 403")
    for current in (account.password, site.password()):
        short = {"new_password": "short", "current_password": current}
        is_refused(browser.ask("PUT", "/me/password", short), "#/new_password")
    before = browser.sessions()
    rule = "a refused change ends no session"
    for one in (*others, browser):
        is_signed_in(one, rule)
    old = Browser(site, account, browser.secret)
    new = site.password()
    good = {"new_password": new, "current_password": account.password}
    answer = browser.ask("PUT", "/me/password", good)
    expect(answer.status == NO_CONTENT, expected="204", got=describe(answer))
    expect(secret_of(answer) not in {None, old.secret}, expected="a new secret", got=cookies_of(answer))
    facts = [
        [(item.get("id"), item.get("created_at")) for item in items if item.get("current") is True]
        for items in (before, browser.sessions())
    ]
    expect(facts[0] == facts[1], expected=f"the same id and created_at: {facts[0]}", got=facts[1])
    return browser, [*others, old], new


@then(
    "the refused ones have ended nothing, and after the change only the new password and the new secret"
    " are good"
)
def after_the_change_only_the_new_password_is_good(
    site: Site, ended: tuple[Browser, list[Browser], str]
) -> None:
    browser, dead, new = ended
    is_signed_in(browser)
    for other in dead:
        is_signed_out(other)
    old = site.login(browser.account)
    expect(old.status == UNAUTHORIZED, expected="401 with the old password", got=describe(old))
    is_signed_in(site.browser(replace(browser.account, password=new)))


@when(
    "logins with the old password are under way while it is changed, and others while their user is disabled",
    target_fixture="late",
)
def logins_are_under_way_while_it_is_changed(site: Site) -> list[Browser]:
    late: list[Browser] = []
    for _ in range(3):
        account = site.account()
        browser = site.browser(account)
        change = {"new_password": site.password()}
        requests = [
            site.login_request(account),
            site.request("PUT", "/me/password", change, cookie=browser.secret),
            *[site.login_request(account)] * 2,
        ]
        answers: list[Exchange] = []
        senders = []
        for request in site.draw.shuffle(requests):
            sender = threading.Thread(target=send, args=(site, [request], answers))
            sender.start()
            senders.append(sender)
            time.sleep(site.draw.integer(0, 15) / 1000)
        for sender in senders:
            sender.join()
        changed = [answer for answer in answers if answer.asked.startswith("PUT")]
        if changed[0].status == NO_CONTENT:
            late += [Browser(site, account, secret_in(answer)) for answer in answers if answer.status == OK]
    late += logins_of_the_disabled(site)
    if not late:
        raise Inconclusive("no login was answered")
    return late


def logins_of_the_disabled(site: Site) -> list[Browser]:
    """Disable users amid their logins, and return the sessions that were made."""
    chief = site.chief()
    made: list[Browser] = []
    for _ in range(3):
        account = site.account()
        answers: list[Exchange] = []
        requests = [site.login_request(account)] * 2
        sender = threading.Thread(target=send, args=(site, requests, answers))
        sender.start()
        time.sleep(site.draw.integer(5, 25) / 1000)
        disabled = chief.ask("PATCH", f"/users/{account.id}", {"disabled": True})
        expect(disabled.status == OK, expected="200", got=describe(disabled))
        sender.join()
        made += [Browser(site, account, secret_in(answer)) for answer in answers if answer.status == OK]
    return made


def send(site: Site, requests: list[Request], answers: list[Exchange]) -> None:
    answers.extend(site.burst(requests))


@then("none of them has a live session")
def none_of_them_has_a_live_session(late: list[Browser]) -> None:
    for browser in late:
        is_signed_out(browser, "who began to sign in before the change has no session after it")


@dataclass(frozen=True)
class Weighty:
    """What was asked, and the status that it has to have."""

    what: str
    wanted: int
    answer: Exchange


@when(
    "the password, the e-mail and the others' sessions are changed shortly after a login, and later, with and"
    " without the password",
    target_fixture="asked",
)
def weighty_things_are_changed(site: Site) -> list[Weighty]:
    fresh = site.number("FRESH_SECONDS")
    asked: list[Weighty] = []
    browsers = []
    for method, path, body, good in (
        ("PUT", "/me/password", {"new_password": site.password()}, NO_CONTENT),
        ("PUT", "/me/email", {"email": site.email()}, ACCEPTED),
        ("POST", "/me/revoke-others", {}, NO_CONTENT),
    ):
        account = site.account()
        login = site.login(account)
        browser = Browser(site, account, secret_in(login))
        answer = browser.ask(method, path, body)
        if answer.received < login.sent + fresh:
            asked.append(Weighty(f"{method} {path} after a login", good, answer))
        if method == "PUT" and "new_password" in body:
            browser.account = replace(account, password=str(body["new_password"]))
        browsers.append((method, path, body, good, browser, login.received))
    for method, path, body, good, browser, began in browsers:
        wait(began + fresh - 0.2 - time.monotonic())
        is_signed_in(browser)  # to use a session is no login
        wait(began + fresh + 0.1 - time.monotonic())
        late = browser.ask(method, path, body)
        asked.append(Weighty(f"{method} {path} later, without the password", FORBIDDEN, late))
        wrong = browser.ask(method, path, {**body, "current_password": site.password()})
        asked.append(Weighty(f"{method} {path} later, with a wrong password", FORBIDDEN, wrong))
        is_signed_in(browser, "a refusal ends no session")
        shown = {**body, "current_password": browser.account.password}
        asked.append(
            Weighty(f"{method} {path} later, with the password", good, browser.ask(method, path, shown))
        )
    return asked


@then("each passes only while the login is fresh or with the right password")
def each_passes_only_while_the_login_is_fresh(asked: list[Weighty]) -> None:
    for one in asked:
        got = one.answer.status
        expect(got == one.wanted, expected=f"{one.wanted} for {one.what}", got=describe(one.answer))
        if one.wanted == FORBIDDEN:
            is_problem(one.answer, FORBIDDEN)


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


@when(
    "somebody changes the e-mail, to one that is free and to one that has an account", target_fixture="moved"
)
def somebody_changes_the_email(site: Site) -> tuple[Browser, list[Browser], str]:
    taken, email = site.account(), site.email()
    spare = site.token(email)
    account = site.account(email)
    other = site.browser(account)
    browser = site.browser(account)
    asked = browser.ask("PUT", "/me/email", {"email": taken.email.swapcase()})
    expect(asked.status == ACCEPTED, expected="202 for one that has an account", got=describe(asked))
    free = site.email()
    again = browser.ask("PUT", "/me/email", {"email": free})
    expect(again.status == ACCEPTED, expected="202", got=describe(again))
    expect(asked.body == again.body, expected=again.text, got=asked.text)
    is_signed_in(browser, "the e-mail is the old one until it is confirmed")
    told = site.mail(taken.email, 2)
    expect("token=" not in told.text, expected="a mail without a token", got=told.text[:300])
    token = token_of(site.mail(free))
    stranger = site.browser()
    foreign = stranger.ask("POST", "/me/email/confirmation", {"token": token})
    is_refused(foreign, "#/token", "nobody else can use the token")
    registration = site.make(token, site.password())
    is_refused(registration, "#/token", "it makes no account")
    old = Browser(site, account, browser.secret)
    answer = browser.ask("POST", "/me/email/confirmation", {"token": token})
    expect(answer.status == NO_CONTENT, expected="204", got=describe(answer))
    used = browser.ask("POST", "/me/email/confirmation", {"token": token})
    is_refused(used, "#/token", "a token is good once")
    kept = site.make(spare, site.password())
    is_refused(kept, "#/token", "a token is not good any more once its address has had an account")
    return browser, [other, old], free


@then("the first is theirs once it is confirmed, with a new secret, and the second never is")
def the_first_is_theirs(site: Site, moved: tuple[Browser, list[Browser], str]) -> None:
    browser, dead, free = moved
    for one in dead:
        is_signed_out(one)
    old = site.login(browser.account)
    expect(old.status == UNAUTHORIZED, expected="401 with the old e-mail", got=describe(old))
    browser.account = replace(browser.account, email=free)
    is_signed_in(browser)
    is_signed_in(site.browser(browser.account))


@when(
    "an administrator ends a user's sessions, and disables another and enables it again", target_fixture="out"
)
def an_administrator_ends_a_users_sessions(site: Site) -> list[tuple[str, Exchange]]:
    chief, ended, disabled = site.chief(), site.account(), site.account()
    body = as_object(chief.me())
    expect(body.get("is_admin") is True, expected='"is_admin": true', got=body)
    browsers = [site.browser(account) for account in (ended, ended, disabled, disabled)]
    found = items_of(chief.ask("GET", f"/users?email={ended.email.swapcase()}"))
    expect([one.get("id") for one in found] == [ended.id], expected=f"the user {ended.id}", got=found)
    nobody = items_of(chief.ask("GET", f"/users?email={site.email()}"))
    expect(nobody == [], expected="no user", got=nobody)
    for path, method, change in ((f"/users/{UNKNOWN_ID}", "PATCH", {"disabled": True}),):
        is_problem(chief.ask(method, path, change), NOT_FOUND)
    is_problem(chief.ask("DELETE", f"/users/{UNKNOWN_ID}/sessions"), NOT_FOUND)
    done = chief.ask("DELETE", f"/users/{ended.id}/sessions")
    expect(done.status == NO_CONTENT, expected="204", got=describe(done))
    kept_out = chief.ask("PATCH", f"/users/{disabled.id}", {"disabled": True})
    expect(kept_out.status == OK, expected="200", got=describe(kept_out))
    shown = as_object(kept_out).get("disabled")
    expect(shown is True, expected='"disabled": true', got=shown)
    out = [("401", browser.me(process=number % 2)) for number, browser in enumerate(browsers)]
    out += [("200", site.login(ended)), ("401", site.login(disabled))]
    chief.ask("PATCH", f"/users/{disabled.id}", {"disabled": False})
    out += [("200", site.login(disabled)), ("401", browsers[2].me()), ("200", chief.me())]
    # The second process has other administrators.
    elsewhere = chief.me(process=1)
    expect(
        as_object(elsewhere).get("is_admin") is False,
        expected='"is_admin": false from a process of other ADMIN_EMAILS',
        got=describe(elsewhere),
    )
    asked = site.ask("GET", f"/users?email={ended.email}", cookie=chief.secret, process=1)
    return [*out, ("403", asked)]


@then("they are out at the next request everywhere, and only the second cannot come back until enabled")
def they_are_out_at_the_next_request(out: list[tuple[str, Exchange]]) -> None:
    statuses = [str(answer.status) for _, answer in out]
    wanted = [status for status, _ in out]
    expect(statuses == wanted, expected=", ".join(wanted), got=", ".join(statuses))


@when("a user asks for what administrators may do", target_fixture="refused")
def a_user_asks_for_what_administrators_may_do(site: Site) -> tuple[Browser, list[Exchange]]:
    victim = site.browser()
    almost = site.administrators[0].replace("@", f"x{site.draw.integer(10, 999)}@")
    users = [site.browser(), site.browser(site.account(almost))]
    answers = []
    for user in users:
        answers += [
            user.ask("GET", f"/users?email={victim.account.email}"),
            user.ask("PATCH", f"/users/{victim.account.id}", {"disabled": True}),
            user.ask("DELETE", f"/users/{victim.account.id}/sessions"),
            user.ask("DELETE", f"/users/{UNKNOWN_ID}/sessions"),
        ]
    return victim, answers


@then("each is refused with 403, and nothing has changed")
def each_is_refused_with_403(refused: tuple[Browser, list[Exchange]]) -> None:
    victim, answers = refused
    for answer in answers:
        is_problem(answer, FORBIDDEN)
    is_signed_in(victim)
    is_signed_in(victim.site.browser(victim.account))


@dataclass(frozen=True)
class Line:
    """What a line of the audit log has to say."""

    what: str
    request_id: str
    mark: str | None


def mark_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:MARK_DIGITS]


@when("sessions are made, given new secrets and ended in each way, and logins fail", target_fixture="lines")
def sessions_are_made_rotated_and_ended(site: Site) -> list[Line]:
    account, chief = site.account(), site.chief()
    lines: list[Line] = []

    def note(what: str, answer: Exchange, secret: str | None) -> None:
        lines.append(Line(what, answer.header("x-request-id") or "", mark_of(secret) if secret else None))

    login = site.login(account)
    browser = Browser(site, account, secret_in(login))
    note("session_created", login, browser.secret)
    other = site.browser(account)
    first = other.secret
    changed = browser.ask("POST", "/me/revoke-others", {})
    note("session_rotated", changed, browser.secret)
    note("session_ended", changed, first)
    other = site.browser(account)
    revoked = browser.ask("DELETE", f"/sessions/{other.session_id()}")
    note("session_revoked", revoked, other.secret)
    most = int(site.number("MAX_SESSIONS"))
    for _ in range(most):
        last = site.login(account)
    note("session_ended", last, browser.secret)
    user = site.browser()
    ended = chief.ask("DELETE", f"/users/{user.account.id}/sessions")
    note("session_ended", ended, user.secret)
    away = site.browser()
    note("session_ended", chief.ask("PATCH", f"/users/{away.account.id}", {"disabled": True}), away.secret)
    before = site.browser()
    note("session_ended", site.login(before.account, before.secret), before.secret)
    wrong = {"current_password": site.password()}
    note("login_failed", site.browser().ask("POST", "/me/revoke-others", wrong), None)
    out = site.browser()
    secret = out.secret
    note("session_revoked", out.ask("DELETE", "/session"), secret)
    note("login_failed", site.guess(account), None)
    note("login_failed", site.login(site.stranger()), None)
    return lines


@then("each has left a line with its session's mark and the request's id")
def each_has_left_a_line(site: Site, lines: list[Line]) -> None:
    output = output_once(site.service.web, lambda output: all(marks_of(line, output) for line in lines))
    for line in lines:
        marks = marks_of(line, output)
        expect(
            bool(marks) and (line.mark is None or line.mark in marks),
            expected=f'a line with "audit": "{line.what}" and "session": "{line.mark}"',
            got=f"that line with {marks}" if marks else "no such line",
        )


def marks_of(line: Line, output: Sequence[str]) -> list[object]:
    """Return what each line of this kind about this request says of the session; None if it says nothing."""
    return [
        entry.get("session")
        for entry in entries(output)
        if entry.get("request_id") == line.request_id and entry.get("audit") == line.what
    ]
