"""Steps of administration.feature."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, entries, expect, is_problem, output_once

from .login_site import (
    FORBIDDEN,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    Browser,
    Site,
    describe,
    is_signed_in,
    items_of,
    secret_in,
)

UNKNOWN_ID = "0190163d-8694-739b-aea5-966c26f8ad91"
MARK_DIGITS = 12

scenarios("administration.feature")


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
    output = output_once(site.service, lambda output: all(marks_of(line, output) for line in lines))
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
