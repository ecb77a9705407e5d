"""Steps of lockout.feature."""

import time
from collections import Counter
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Inconclusive, expect, is_problem, wait_until

from .login_site import (
    FORBIDDEN,
    OK,
    TOO_MANY,
    UNAUTHORIZED,
    UNAVAILABLE,
    Account,
    Browser,
    Site,
    describe,
    is_signed_in,
    retry_after,
    secret_in,
    secret_of,
)

MORE = 40
DOUBLINGS = 8

scenarios("lockout.feature")


@when(
    "far more wrong passwords than the limit are tried at the same instant, at an account and at none",
    target_fixture="bursts",
)
def far_more_wrong_passwords_are_tried(site: Site) -> list[list[Exchange]]:
    limit = int(site.number("LOGIN_FAILURES"))
    bursts = []
    for account in site.draw.shuffle([site.account(), site.stranger()]):
        # From many addresses, so that no address reaches its own limit; and the e-mail in any case.
        requests = [
            site.request(
                "POST",
                "/session",
                {
                    "email": site.draw.choice([account.email, account.email.swapcase()]),
                    "password": site.password(),
                },
                address=site.draw.address_v4(),
            )
            for _ in range(limit + MORE)
        ]
        bursts.append(site.burst(requests))
    return bursts


@then("of each no more than the limit are looked at, and the others are told when to come again")
def of_each_no_more_than_the_limit_are_looked_at(site: Site, bursts: list[list[Exchange]]) -> None:
    limit = int(site.number("LOGIN_FAILURES"))
    for answers in bursts:
        counts = Counter(answer.status for answer in answers)
        expect(
            counts == {UNAUTHORIZED: limit, TOO_MANY: len(answers) - limit},
            expected=f"{limit} times 401, and 429 for all others",
            got=dict(counts),
            exchanges=answers,
            timing=counts[UNAVAILABLE] > 0,
        )
        for answer in answers:
            if answer.status == TOO_MANY:
                is_problem(answer, TOO_MANY)
                most = site.number("LOCK_SECONDS") + 1
                expect(retry_after(answer) <= most, expected=f"at most {most:g}", got=retry_after(answer))


@dataclass(frozen=True)
class Lock:
    """One lock: the guess that led to it, the first answer after it, and how long it has to be."""

    cause: Exchange
    refused: list[Exchange]
    end: Exchange
    seconds: float


@when(
    "an account and an unknown one are guessed at until they are locked, and again after each lock",
    target_fixture="locks",
)
def accounts_are_guessed_at_until_they_are_locked(site: Site, moment: float) -> list[Lock]:
    known, unknown = site.account(), site.stranger()
    locks = []
    for account in (unknown, known):
        for _ in range(int(site.number("LOGIN_FAILURES"))):
            last = site.guess(account, site.draw.address())
            expect(last.status == UNAUTHORIZED, expected="401 below the limit", got=describe(last))
        seconds = site.number("LOCK_SECONDS")
        for round_ in range(2):
            elsewhere = site.login(account)
            refused = [elsewhere, site.guess(account, site.draw.address())]
            locks.append(locked(site, account, last, refused, seconds * 2**round_))
            last = locks[-1].end
    recover(site, known, locks[-1])  # at once: a lock above the longest is not over yet
    doubles_on(site, moment)
    return locks


def doubles_on(site: Site, moment: float) -> None:
    """Fail again and again where locks are short at first, and see how long the last of them is."""
    account = site.stranger()
    for failures in range(DOUBLINGS):
        last = site.guess(account, site.draw.address(), process=1)
        expect(last.status == UNAUTHORIZED, expected="401 after a lock", got=describe(last), timing=True)
        time.sleep(moment * 2**failures + 0.01 if failures < DOUBLINGS - 1 else 0)
    refused = site.guess(account, site.draw.address(), process=1)
    rule = f"lock {DOUBLINGS} is {2 ** (DOUBLINGS - 1)} times as long as the first"
    is_problem(refused, TOO_MANY, rule)
    left = last.sent + moment * 2 ** (DOUBLINGS - 1) - refused.received
    got = retry_after(refused)
    expect(got >= left, expected=f"Retry-After: at least {left:.1f}", got=got, rule=rule)


def locked(site: Site, account: Account, cause: Exchange, refused: list[Exchange], seconds: float) -> Lock:
    """Guess shortly before the lock ends, and once behind it."""
    if refused[-1].received > cause.sent + seconds:
        raise Inconclusive("the lock was over before it was looked at")
    wait_until(cause.sent + seconds - 0.15)
    late = site.guess(account, site.draw.address())
    if late.received < cause.sent + seconds:
        refused.append(late)
    wait_until(max(cause.received, refused[-1].received if late.status != TOO_MANY else 0) + seconds + 0.05)
    return Lock(cause, refused, site.guess(account, site.draw.address()), seconds)


def recover(site: Site, account: Account, lock: Lock) -> None:
    """Sign in when the longest lock is over, after which the account has as many failures as a new one."""
    longest = site.number("LONGEST_LOCK_SECONDS")
    wait_until(lock.end.received + min(longest, lock.seconds * 2) + 0.05)
    rule = "a success ends the count of failures"
    for where in ("from a new address", "from a known one"):
        answer = site.login(account)
        expect(answer.status == OK, expected=f"200 {where}", got=describe(answer), rule=rule)
        for _ in range(int(site.number("LOGIN_FAILURES")) - 1):
            again = site.guess(account)
            expect(again.status == UNAUTHORIZED, expected="401, not locked", got=describe(again), rule=rule)


@then(
    "while it is locked the right password is refused too, each lock is twice as long, and a success ends all"
)
def while_it_is_locked_the_right_password_is_refused(locks: list[Lock]) -> None:
    for lock in locks:
        for answer in lock.refused:
            is_problem(answer, TOO_MANY, f"a lock of {lock.seconds:g} s refuses every guess")
            expect(secret_of(answer) is None, expected="no cookie", got="one")
        first = lock.refused[0]
        left = lock.cause.received + lock.seconds - first.sent
        got = retry_after(first)
        expect(left - 1 < got < left + 1.1, expected=f"Retry-After: about {left:.1f}", got=got, timing=True)
        expect(
            lock.end.status == UNAUTHORIZED,
            expected=f"401 after a lock of {lock.seconds:g} s",
            got=describe(lock.end),
            timing=True,
        )


@when("strangers lock the account of somebody who has signed in before", target_fixture="locked_out")
def strangers_lock_the_account(site: Site) -> tuple[Browser, list[Exchange]]:
    account = site.account()
    browser = site.browser(account)
    answers = [site.guess(account, site.draw.address()) for _ in range(int(site.number("LOGIN_FAILURES")))]
    answers.append(site.guess(account, site.draw.address()))
    return browser, answers


@then("the session is live, the owner gets in from there, and nobody from elsewhere")
def the_session_is_live_and_the_owner_gets_in(site: Site, locked_out: tuple[Browser, list[Exchange]]) -> None:
    browser, answers = locked_out
    if answers[-1].sent > answers[-2].sent + site.number("LOCK_SECONDS"):
        raise Inconclusive("the lock was over before it was looked at")
    is_problem(answers[-1], TOO_MANY)
    is_signed_in(browser, "a lock does not refuse a live session")
    owner = site.login(browser.account)
    expect(owner.status == OK, expected="200 from an address with an earlier success", got=describe(owner))
    elsewhere = site.ask(
        "POST", "/session", {"email": browser.account.email, "password": browser.account.password}
    )
    if elsewhere.received < answers[-2].sent + site.number("LOCK_SECONDS"):
        is_problem(elsewhere, TOO_MANY, "nobody gets in from elsewhere while it is locked")
    is_signed_in(browser, "a lock does not end a live session")
    # And from there, too, nobody may guess for ever.
    statuses = [site.guess(browser.account).status for _ in range(int(site.number("LOGIN_FAILURES")) + 1)]
    limit = int(site.number("LOGIN_FAILURES"))
    expect(
        statuses == [*[UNAUTHORIZED] * limit, TOO_MANY],
        expected=f"{limit} times 401 from there, and then 429",
        got=statuses,
        timing=True,
    )


@when("somebody guesses at the current password", target_fixture="guessed")
def somebody_guesses_at_the_current_password(site: Site) -> tuple[Browser, list[Exchange]]:
    account = site.account()
    browser = Browser(site, account, secret_in(site.login(account)))
    limit = int(site.number("LOGIN_FAILURES"))
    answers = []
    for number in range(limit):
        if number % 2:
            answers.append(site.guess(account))
        else:
            body = {"new_password": site.password(), "current_password": site.password()}
            answers.append(browser.ask("PUT", "/me/password", body))
    good = {"new_password": site.password(), "current_password": account.password}
    answers += [browser.ask("PUT", "/me/password", good), site.login(account)]
    return browser, answers


@then("after the limit the guesses are refused, and the session is live")
def after_the_limit_the_guesses_are_refused(site: Site, guessed: tuple[Browser, list[Exchange]]) -> None:
    browser, answers = guessed
    limit = int(site.number("LOGIN_FAILURES"))
    if answers[-1].received > answers[limit - 1].sent + site.number("LOCK_SECONDS"):
        raise Inconclusive("the lock was over before it was looked at")
    for answer in answers[:limit]:
        expect(answer.status in {FORBIDDEN, UNAUTHORIZED}, expected="403 or 401", got=describe(answer))
    for answer in answers[limit:]:
        is_problem(answer, TOO_MANY)
        retry_after(answer)
    is_signed_in(browser)
