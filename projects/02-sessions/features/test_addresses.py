"""Steps of addresses.feature."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, replace

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Inconclusive, expect, is_problem, wait_until

from .login_site import (
    OK,
    TOO_MANY,
    UNAUTHORIZED,
    UNAVAILABLE,
    Account,
    Site,
    describe,
    is_signed_in,
    retry_after,
    secret_of,
)

FLOOD = 90
FLOOD_SECONDS = 20.0
GUARDED_SECONDS = 0.5

scenarios("addresses.feature")


@when(
    "one address tries a password at more accounts than it may, and another one meanwhile",
    target_fixture="tried",
)
def one_address_tries_a_password_at_many_accounts(site: Site) -> tuple[list[Exchange], Exchange, Account]:
    owner = site.account()
    limit, window = int(site.number("ADDRESS_FAILURES")), site.number("ADDRESS_SECONDS")
    address = owner.address
    # In turn at two processes, and what is refused later than the first.
    tried = []
    for number in range(limit + 1):
        if number in {0, limit - 1}:
            site.browser(owner)  # what is right does not count
        tried.append(site.guess(site.stranger(), address, process=number % 2))
    wait_until(tried[0].received + window * 0.75)
    tried += [site.guess(site.stranger(), address), site.login(owner)]
    other = site.guess(site.stranger())
    if tried[-1].received > tried[0].sent + window:
        raise Inconclusive("the window was over before it was full")
    wait_until(tried[0].received + window + 0.1)
    tried.append(site.guess(site.stranger(), address))
    return tried, other, owner


@then("it is refused until its window is over, and the other is not")
def it_is_refused_until_its_window_is_over(
    site: Site, tried: tuple[list[Exchange], Exchange, Account]
) -> None:
    answers, other, owner = tried
    limit = int(site.number("ADDRESS_FAILURES"))
    statuses = [answer.status for answer in answers]
    wanted = [*[UNAUTHORIZED] * limit, TOO_MANY, TOO_MANY, TOO_MANY, UNAUTHORIZED]
    expect(statuses == wanted, expected=str(wanted), got=statuses)
    most = site.number("ADDRESS_SECONDS") + 1
    for answer in answers[limit:-1]:
        got = retry_after(answer)
        expect(got <= most, expected=f"Retry-After: at most {most:g}", got=got)
    expect(other.status == UNAUTHORIZED, expected="401 from another address", got=describe(other))
    is_signed_in(site.browser(owner))


@dataclass(frozen=True)
class Flood:
    """The logins of a flood, and the work of somebody meanwhile."""

    logins: list[Exchange]
    work: list[Exchange]


@when(
    "far more log in at the same instant than the queue takes, and somebody goes on working",
    target_fixture="flood",
)
def far_more_log_in_than_the_queue_takes(site: Site) -> Flood:
    accounts = [site.account() for _ in range(3)]
    browser = site.browser()  # of none of them: each login that is served may end a user's oldest session
    requests = [site.login_request(site.draw.choice(accounts)) for _ in range(FLOOD)]
    logins: list[Exchange] = []
    flood = threading.Thread(target=lambda: logins.extend(site.burst(requests, FLOOD_SECONDS)))
    flood.start()
    work = []
    while flood.is_alive():
        work.append(browser.me())
        time.sleep(0.01)
    flood.join()
    return Flood(logins, work)


@then("the queue is served, the others are told to come again, and the work is not held up")
def the_queue_is_served(site: Site, flood: Flood) -> None:
    counts = Counter(answer.status for answer in flood.logins)
    served, queue = counts[OK], int(site.number("HASH_QUEUE"))
    expect(
        counts.keys() == {OK, UNAVAILABLE} and served >= queue,
        expected=f"at least {queue} times 200, and 503 for the others",
        got=dict(counts),
        exchanges=flood.logins,
        timing=counts[0] > 0,
    )
    # A slot that is free again is used again: while the flood arrives some are served and leave.
    most = queue + 25
    expect(served <= most, expected=f"at most {most} served", got=served, timing=True)
    for answer in flood.logins:
        if answer.status == UNAVAILABLE:
            is_problem(answer, UNAVAILABLE)
            retry_after(answer)
            expect(secret_of(answer) is None, expected="no cookie from a 503", got="one")
    slowest = max(answer.received - answer.sent for answer in flood.work)
    for answer in flood.work:
        # A 503 may be a store that the busy machine made too slow.
        is_outage = answer.status == UNAVAILABLE
        expect(answer.status == OK, expected="200 from GET /me", got=describe(answer), timing=is_outage)
    expect(
        slowest < GUARDED_SECONDS,
        expected=f"each within {GUARDED_SECONDS:g} s",
        got=f"{slowest:.3f} s",
        timing=True,
    )


@when(
    "guesses come with addresses that were made up in front of the proxy's, in one line and in several",
    target_fixture="tried_from",
)
def guesses_come_with_addresses_that_were_made_up(site: Site) -> list[tuple[str, Exchange]]:
    return [*addresses_in_front(site), *addresses_spelled_otherwise(site)]


def addresses_spelled_otherwise(site: Site) -> list[tuple[str, Exchange]]:
    """Have an account locked, and sign in from what is the owner's address, and from what is not."""
    first, second = (f"{site.draw.integer(1, 0xFFF):x}" for _ in range(2))
    net = f"2{first.rjust(3, '0')}:{second}"
    v4 = site.draw.address_v4()
    owners = [
        (
            f"{net}::1",
            [f"{net}::2", f"{net.upper()}:0:0:{first}::9", f"{net}:0000:0::{second}"],
            f"{net}:0:1::1",
        ),
        (v4, [f"::ffff:{v4}"], f"{net}:1::1"),
    ]
    tried = []
    for address, same, another in owners:
        account = replace(site.account(), address=address)
        site.browser(account)
        for _ in range(int(site.number("LOGIN_FAILURES"))):
            last = site.guess(account, site.draw.address())
        asked = [("429", another), *(("200", spelled) for spelled in same)]
        tried += [(status, site.login(replace(account, address=spelled))) for status, spelled in asked]
        if tried[-1][1].received > last.sent + site.number("LOCK_SECONDS"):
            raise Inconclusive("the lock was over before it was looked at")
    return tried


def with_port(site: Site, address: str) -> str:
    """Write an address as application gateways do."""
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{site.draw.integer(1024, 65535)}"


def addresses_in_front(site: Site) -> list[tuple[str, Exchange]]:
    account = site.account()
    site.browser(account)
    for _ in range(int(site.number("LOGIN_FAILURES"))):
        last = site.guess(account, site.draw.address())
    body = {"email": account.email, "password": account.password}
    proof = ("Sec-Fetch-Site", "same-origin")
    known, elsewhere = account.address, site.draw.address()

    def forwarded(*lines: str) -> Exchange:
        fields = [proof, *(("X-Forwarded-For", line) for line in lines)]
        return site.raw("POST", "/session", fields, body)

    others = {"X-Real-IP": known, "Forwarded": f"for={known}", "Client-IP": known}
    tried = [
        ("429", forwarded(f"{known}, {elsewhere}")),
        ("429", forwarded(known, elsewhere)),
        ("429", site.ask("POST", "/session", body, headers=others)),
        ("200", forwarded(*site.draw.choice([[f"{elsewhere}, {known}"], [elsewhere, known]]))),
        ("200", forwarded(f"{elsewhere}, {with_port(site, known)}")),
    ]
    if tried[-1][1].received > last.sent + site.number("LOCK_SECONDS"):
        raise Inconclusive("the lock was over before it was looked at")
    return tried


@then("they count for the address that the proxy wrote")
def they_count_for_the_address_that_the_proxy_wrote(tried_from: list[tuple[str, Exchange]]) -> None:
    statuses = [str(answer.status) for _, answer in tried_from]
    wanted = [status for status, _ in tried_from]
    expect(statuses == wanted, expected=", ".join(wanted), got=", ".join(statuses))
