"""Steps of outage.feature."""

import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest
from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    FaultProxy,
    Request,
    burst,
    describe_answer,
    expect,
    is_problem,
    wait_until_ready,
)

from .login_site import (
    ACCEPTED,
    NOT_FOUND,
    OK,
    UNAVAILABLE,
    Browser,
    Site,
    cookies_of,
    describe,
    is_signed_in,
    retry_after,
    secret_in,
)

ANSWER_SECONDS = 3.0
BACK_SECONDS = 5.0
LONG_LOSS_MS = (13_000, 16_000)
PATIENCE_SECONDS = 10.0
NO_WRITES = (
    (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
)
"""A Redis that answers: how to have it take no writes, and how to have it take them again."""

scenarios("outage.feature")


@pytest.fixture
def redis(site: Site) -> Iterator[FaultProxy]:
    """The way to Redis, open again when the check is over."""
    proxy = site.service.redis.proxy
    yield proxy
    proxy.pass_through()


@pytest.fixture
def postgres(site: Site) -> Iterator[FaultProxy]:
    """The way to PostgreSQL, open again when the check is over."""
    proxy = site.service.postgres.proxy
    yield proxy
    proxy.pass_through()


def lose(site: Site, proxy: FaultProxy, requests: list[Request]) -> list[Exchange]:
    """Take a server away while requests are under way, and return what is answered without it."""
    mode = site.draw.choice([proxy.cut, proxy.black_hole])
    first: list[Exchange] = []
    if site.draw.integer(0, 1):
        proxy.delay(0.05)
        sender = threading.Thread(target=lambda: first.extend(ask(site, requests)))
        sender.start()
        time.sleep(site.draw.integer(10, 120) / 1000)
        mode()
        sender.join()
    else:
        mode()
    for answer in first:
        took = answer.received - answer.sent
        expect(
            answer.status > 0 and answer.status not in {500, 502, 504} and took < ANSWER_SECONDS,
            expected=f"an answer within {ANSWER_SECONDS:g} s that is no 500",
            got=f"{describe_answer(answer)} after {took:.3f} s from {answer.asked}",
            timing=answer.status > 0,
        )
    return ask(site, requests)


def ask(site: Site, requests: list[Request]) -> list[Exchange]:
    return burst(site.service.urls[0], requests, timeout_seconds=ANSWER_SECONDS + PATIENCE_SECONDS)


def is_unavailable(answer: Exchange) -> None:
    is_problem(answer, UNAVAILABLE)
    retry_after(answer)
    expect(not cookies_of(answer), expected="no Set-Cookie from a 503", got=cookies_of(answer))
    came_in_time(answer)


def came_in_time(answer: Exchange) -> None:
    took = answer.received - answer.sent
    expect(
        took <= ANSWER_SECONDS,
        expected=f"an answer within {ANSWER_SECONDS:g} s from {answer.asked}",
        got=f"{took:.3f} s",
        timing=True,
    )


@when("Redis goes down or falls silent amid requests", target_fixture="answers")
def redis_goes_down(site: Site, browser: Browser, redis: FaultProxy) -> list[Exchange]:
    secret = browser.secret
    requests = [
        Request("GET", "/health"),
        *[site.request("GET", "/me", cookie=secret)] * site.draw.integer(1, 40),
        site.request("GET", "/sessions", cookie=secret),
        site.login_request(browser.account),
        site.request("PUT", "/me/password", {"new_password": site.password()}, cookie=secret),
        site.request("DELETE", "/session", cookie=secret),
        site.request("POST", "/me/revoke-others", {}, cookie=secret),
    ]
    # What is under way while it goes may still be done, so those who ask then are others.
    harmless = requests[:3]
    first = lose(site, redis, harmless)
    return [*first, *ask(site, requests[2:])]


@then("each answer that needs it is 503 within three seconds, and sets no cookie")
def each_answer_that_needs_it_is_503(site: Site, answers: list[Exchange]) -> None:
    for answer in answers:
        if answer.asked.endswith("/health"):
            expect(answer.status == OK, expected="200 from /health", got=describe(answer))
        else:
            is_unavailable(answer)
    ready = site.service.client().get("/ready")
    expect(ready.status == UNAVAILABLE, expected="503 from /ready", got=describe_answer(ready))


@then("the same cookie works again within five seconds of its return")
def the_same_cookie_works_again(browser: Browser, redis: FaultProxy) -> None:
    # Long enough that who waits twice as long after each try would come back too late.
    end = time.monotonic() + browser.site.draw.integer(*LONG_LOSS_MS) / 1000
    while time.monotonic() < end:
        is_unavailable(browser.me())
        time.sleep(0.2)
    redis.pass_through()
    returned = time.monotonic()
    answer = browser.me()
    while answer.status != OK and time.monotonic() < returned + BACK_SECONDS:
        expect(answer.status == UNAVAILABLE, expected="503 or 200", got=describe(answer))
        time.sleep(0.05)
        answer = browser.me()
    is_signed_in(browser)
    is_signed_in(browser.site.browser(browser.account))


@then("while Redis takes no writes nobody signs in, and it is not ready")
def while_redis_takes_no_writes_nobody_signs_in(site: Site, browser: Browser) -> None:
    broken, mended = (
        partial(site.service.redis.client.execute_command, *way) for way in site.draw.choice(NO_WRITES)
    )
    broken()
    try:
        is_unavailable(site.login(browser.account))
        ready = site.service.client().get("/ready")
        expect(
            ready.status == UNAVAILABLE,
            expected=f"503 from /ready after {broken.args}",
            got=describe_answer(ready),
        )
    finally:
        mended()
    returned = time.monotonic()
    while time.monotonic() < returned + BACK_SECONDS and site.service.client().get("/ready").status != OK:
        time.sleep(0.05)
    is_signed_in(site.browser(browser.account))


@when("PostgreSQL goes down or falls silent amid requests", target_fixture="answers")
def postgresql_goes_down(site: Site, browser: Browser, postgres: FaultProxy) -> list[Exchange]:
    secret = browser.secret
    requests = [
        Request("GET", "/health"),
        *[site.request("GET", "/me", cookie=secret)] * site.draw.integer(1, 20),
        site.request("GET", "/sessions", cookie=secret),
        site.request("POST", "/registrations", {"email": site.email()}),
        site.request("POST", "/accounts", {"token": site.draw.text(43), "password": site.password()}),
        site.login_request(browser.account),
        site.login_request(site.stranger()),
    ]
    return lose(site, postgres, requests)


@then("sessions go on, and what needs it is 503 within three seconds")
def sessions_go_on(site: Site, answers: list[Exchange]) -> None:
    for answer in answers:
        if answer.asked.startswith("GET"):
            expect(answer.status == OK, expected=f"200 from {answer.asked}", got=describe(answer))
            came_in_time(answer)
        else:
            is_unavailable(answer)
    ready = site.service.client().get("/ready")
    expect(ready.status == UNAVAILABLE, expected="503 from /ready", got=describe_answer(ready))


@then("logins work again within five seconds of its return")
def logins_work_again(site: Site, browser: Browser, postgres: FaultProxy) -> None:
    postgres.pass_through()
    returned = time.monotonic()
    answers: list[Exchange] = []
    while not answers or (
        [answer.status for answer in answers] != [OK, ACCEPTED] and time.monotonic() < returned + BACK_SECONDS
    ):
        answers = [site.login(browser.account), site.ask("POST", "/registrations", {"email": site.email()})]
        time.sleep(0.05)
    statuses = [answer.status for answer in answers]
    expect(
        statuses == [OK, ACCEPTED],
        expected=f"200 and 202 {BACK_SECONDS:g} s after its return",
        got=", ".join(map(describe, answers)),
        timing=True,
    )
    is_signed_in(browser)


@when("the process is killed amid logins, and started again", target_fixture="answered")
def the_process_is_killed_amid_logins(site: Site, browser: Browser) -> list[Browser]:
    account = site.account()
    token = {"X-CSRF-Token": browser.csrf_token()}
    most = int(site.number("MAX_SESSIONS"))
    requests = [site.login_request(account)] * most
    answers = site.burst(requests[: most // 2])
    sender = threading.Thread(target=lambda: answers.extend(site.burst(requests[most // 2 :])))
    sender.start()
    time.sleep(site.draw.integer(5, 60) / 1000)
    site.service.web.kill()
    sender.join()
    site.service.release()  # as before each start; it finds all prepared
    site.service.web.restart()
    wait_until_ready(site.service.web)
    is_signed_in(browser, "sessions outlive the process")
    unknown = site.ask("DELETE", "/sessions/unknown", cookie=browser.secret, proof=token)
    is_problem(unknown, NOT_FOUND, "a csrf_token is that of the session, and not of the process")
    return [Browser(site, account, secret_in(answer)) for answer in answers if answer.status == OK]


@then("the session is live, and so is each that was answered")
def so_is_each_that_was_answered(answered: list[Browser], browser: Browser) -> None:
    for one in answered:
        is_signed_in(one, "what was answered is kept")
    changed = browser.ask("POST", "/me/revoke-others", {})
    expect(changed.status == 204, expected="204", got=describe(changed))
