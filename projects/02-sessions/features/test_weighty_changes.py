"""Steps of weighty_changes.feature."""

import threading
import time
from dataclasses import dataclass, replace

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Inconclusive, Request, expect, is_problem

from .login_site import (
    ACCEPTED,
    FORBIDDEN,
    NO_CONTENT,
    OK,
    UNAUTHORIZED,
    Browser,
    Site,
    cookies_of,
    describe,
    is_refused,
    is_signed_in,
    is_signed_out,
    secret_in,
    secret_of,
    token_of,
    wait,
)

scenarios("weighty_changes.feature")


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
