"""Steps of sessions.feature."""

import base64
import hashlib
import math
import re
import time
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    TOLERANCE_SECONDS,
    Exchange,
    Inconclusive,
    as_object,
    expect,
    output_after,
    wait_until,
)

from .login_site import (
    NO_CONTENT,
    OK,
    UNAUTHORIZED,
    Account,
    Browser,
    Site,
    describe,
    is_cleared,
    is_signed_in,
    is_signed_out,
    items_of,
    secret_in,
    secret_of,
)

SECRET_BITS = 256
SIGN_INS = 60
COUNTED = 2000
RECENT_MS = 120_000

scenarios("sessions.feature")


@when("valid credentials are submitted", target_fixture="answer")
def valid_credentials_are_submitted(site: Site, account: Account) -> Exchange:
    return site.login(account)


@then("a session is created")
def a_session_is_created(site: Site, account: Account, answer: Exchange) -> None:
    browser = Browser(site, account, secret_in(answer))
    for body in (as_object(answer), as_object(is_signed_in(browser))):
        wanted = {"id": account.id, "email": account.email.lower(), "is_admin": False}
        got = {name: body.get(name) for name in wanted}
        expect(got == wanted, expected=str(wanted), got=got)
    items = browser.sessions()
    expect(len(items) == 1, expected="one session in the list", got=items)
    redis = site.service.redis.client
    keys = list(redis.scan_iter())
    expect(bool(keys), expected="sessions in Redis", got="no key")
    eternal = [key for key in keys if redis.pttl(key) == -1]
    expect(
        not eternal,
        expected="no key in Redis without an end",
        got=eternal,
        rule="every key in Redis has a TTL",
    )


@given("an expired session", target_fixture="browser")
def an_expired_session(site: Site) -> Browser:
    browser = site.browser()
    ended = time.monotonic() + site.number("SESSION_IDLE_SECONDS") + TOLERANCE_SECONDS
    wait_until(ended + site.draw.integer(0, 300) / 1000)
    return browser


@when("accessing a protected route", target_fixture="answer")
def accessing_a_protected_route(site: Site, browser: Browser) -> Exchange:
    path = site.draw.choice(["/me", "/sessions"])
    return site.ask("GET", path, cookie=browser.secret)


@then("access is denied")
def access_is_denied(answer: Exchange, browser: Browser) -> None:
    expect(answer.status == UNAUTHORIZED, expected="401", got=describe(answer))
    is_cleared(answer)
    is_signed_out(browser, "a session that has ended stays so")


@dataclass(frozen=True)
class Use:
    """A request, and the one before it."""

    before: Exchange
    answer: Exchange


@when("requests come at intervals below the idle time, and then none", target_fixture="uses")
def requests_come_at_intervals(site: Site, browser: Browser) -> list[Use]:
    idle, touch = site.number("SESSION_IDLE_SECONDS"), site.number("SESSION_TOUCH_SECONDS")
    absolute = site.number("SESSION_ABSOLUTE_SECONDS")
    last = browser.me()
    began = last.sent
    uses = []
    # One that has to be noted, the longest time that is promised after it, and one that need not be noted.
    for seconds in (touch * 1.7, idle - touch - 0.1, touch * 0.5):
        wait_until(last.received + seconds)
        answer = browser.me()
        uses.append(Use(last, answer))
        last = answer
    if last.received > began + absolute - idle:
        raise Inconclusive("the absolute time is too near")
    wait_until(last.received + idle + TOLERANCE_SECONDS)
    uses.append(Use(last, browser.me()))
    return uses


@then("the session was live at each of them, and is not when the idle time is over")
def the_session_was_live_at_each_of_them(site: Site, uses: list[Use]) -> None:
    promised = site.number("SESSION_IDLE_SECONDS") - site.number("SESSION_TOUCH_SECONDS")
    for use in uses[:-1]:
        passed = use.answer.received - use.before.sent
        if passed > promised:
            raise Inconclusive(f"a request came {passed:.3f} s after the one before")
        expect(use.answer.status == OK, expected=f"200 {passed:.3f} s after", got=describe(use.answer))
    expect(
        uses[-1].answer.status == UNAUTHORIZED,
        expected="401 when the idle time is over",
        got=describe(uses[-1].answer),
    )


@when("requests come all the time", target_fixture="uses")
def requests_come_all_the_time(site: Site, browser: Browser) -> list[list[Exchange]]:
    answer = site.login(browser.account)
    browser.secret = secret_in(answer)
    absolute = site.number("SESSION_ABSOLUTE_SECONDS")
    other = site.account()
    rotated = Browser(site, other, "")
    second = site.login(other)
    rotated.secret = secret_in(second)
    uses, others = [answer], [second]
    while uses[-1].sent < second.received + absolute + TOLERANCE_SECONDS:
        time.sleep(site.draw.integer(60, 260) / 1000)
        uses.append(browser.me())
        if rotated.secret == secret_of(second) and uses[-1].sent > second.received + absolute * 0.6:
            shown = {"current_password": other.password}
            changed = rotated.ask("POST", "/me/revoke-others", shown)
            expect(changed.status == NO_CONTENT, expected="204", got=describe(changed))
        others.append(rotated.me())
    return [uses, others]


@then("the session is live until its absolute time, and not after it")
def the_session_is_live_until_its_absolute_time(site: Site, uses: list[list[Exchange]]) -> None:
    for one in uses:
        lives_for_its_absolute_time(site, one)


def lives_for_its_absolute_time(site: Site, uses: list[Exchange]) -> None:
    login, absolute = uses[0], site.number("SESSION_ABSOLUTE_SECONDS")
    for use in uses[1:]:
        if use.received < login.sent + absolute:
            expect(
                use.status == OK,
                expected=f"200 {use.sent - login.sent:.3f} s after the login",
                got=describe(use),
            )
        if use.sent > login.received + absolute + TOLERANCE_SECONDS:
            expect(use.status == UNAUTHORIZED, expected="401 at the absolute time", got=describe(use))


@dataclass(frozen=True)
class Uses:
    """What was answered to those who signed in."""

    browsers: list[Browser]
    answers: list[Exchange]


@when("many sign in, and use their sessions", target_fixture="many")
def many_sign_in(site: Site) -> Uses:
    account = site.account()
    logins = [
        answer for _ in range(6) for answer in site.burst([site.login_request(account)] * (SIGN_INS // 6))
    ]
    browsers = [Browser(site, account, secret_in(answer)) for answer in logins]
    live = site.browser(account).secret
    paths = (("GET", "/me"), ("GET", "/sessions"), ("GET", "/nowhere"), ("DELETE", "/sessions/unknown"))
    return Uses(browsers, [*logins, *(site.ask(method, path, cookie=live) for method, path in paths)])


@then("the secrets have 256 random bits, and stand neither in Redis nor in an answer nor in the log")
def the_secrets_have_256_random_bits(site: Site, many: Uses) -> None:
    secrets = [browser.secret for browser in many.browsers]
    expect(len(set(secrets)) == len(secrets), expected="as many secrets as logins", got=len(set(secrets)))
    guessed = secrets_of_the_clock().intersection(secrets)
    expect(not guessed, expected="a secret that no clock and no counter tells", got=guessed)
    bits = bits_of(secrets)
    expect(bits >= SECRET_BITS * 0.9, expected="256 random bits", got=f"about {bits:.0f} in {secrets[0]}")
    for answer in many.answers:
        shown = [secret for secret in secrets if secret in answer.text]
        expect(not shown, expected=f"no secret in the body of {answer.asked}", got=shown)
        elsewhere = [
            name
            for name, value in answer.headers
            if name.lower() != "set-cookie" and any(secret in value for secret in secrets)
        ]
        expect(not elsewhere, expected="no secret in another header", got=elsewhere)
    longest = max(len(f"__Host-session={secret}") for secret in secrets)
    expect(longest <= 4096, expected="a cookie of 4096 bytes at most", got=longest)
    log = "\n".join(output_after(site.service, many.answers[-1]))
    logged = [secret for secret in secrets if secret in log]
    expect(not logged, expected="no secret in the log", got=logged)
    redis = site.service.redis.client
    stored = "\n".join(f"{key} {redis.dump(key)!r}" for key in redis.scan_iter())
    read = [secret for secret in secrets if secret in stored]
    expect(not read, expected="no secret in Redis", got=read)
    whole = hashlib.sha256(secrets[-1].encode()).hexdigest()
    expect(whole not in log, expected="of a hash only its beginning in the log", got=whole)
    expect(
        re.search(r"[^A-Za-z0-9_=-]", secrets[0]) is None,
        expected="a secret of plain letters",
        got=secrets[0],
    )


def secrets_of_the_clock() -> set[str]:
    """Return what looks random and is not: SHA-256 of small numbers, and of each recent millisecond."""
    now = time.time_ns() // 1_000_000
    numbers = [*range(COUNTED), *range(now - RECENT_MS, now + COUNTED)]
    digests = [hashlib.sha256(str(number).encode()).digest() for number in numbers]
    short = {base64.urlsafe_b64encode(digest).rstrip(b"=").decode() for digest in digests}
    return short | {digest.hex() for digest in digests}


def bits_of(secrets: list[str]) -> float:
    """Estimate how many bits were drawn: what a place held, of the letters that the secrets are made of.

    Of 64 letters sixty secrets show some 39 at each place, of 16 all. What is always the same has none.
    """
    places = [{secret[place] for secret in secrets} for place in range(min(map(len, secrets)))]
    alphabet = len(set().union(*places))
    return sum(math.log2(min(alphabet, 1.9 * len(held))) for held in places if len(held) > 1)


@when("Redis forgets its scripts, and then everything", target_fixture="after")
def redis_forgets(site: Site, browser: Browser) -> list[Exchange]:
    redis = site.service.redis.client
    browser.me()
    redis.script_flush()
    after_scripts = [
        browser.me(),
        site.ask("GET", "/sessions", cookie=browser.secret),
        site.login(browser.account),
    ]
    redis.flushall()
    return [*after_scripts, browser.me(), browser.me()]


@then("the session outlives the first, and not the second, and a login works")
def the_session_outlives_the_first(site: Site, browser: Browser, after: list[Exchange]) -> None:
    *scripts, first, second = after
    for answer in scripts:
        expect(answer.status == OK, expected="200 without the scripts", got=describe(answer))
    for answer in (first, second):
        expect(answer.status == UNAUTHORIZED, expected="401 after FLUSHALL", got=describe(answer))
        is_cleared(answer)
    is_signed_in(site.browser(browser.account))


@when("the session is used, seen and ended through different processes", target_fixture="answers")
def the_session_is_used_through_different_processes(site: Site, browser: Browser) -> list[Exchange]:
    is_signed_in(browser, process=1)
    other = site.browser(browser.account)
    listed = items_of(site.ask("GET", "/sessions", cookie=browser.secret, process=1))
    expect(len(listed) == 2, expected="two sessions at the other process", got=len(listed))
    is_signed_in(other, process=1)
    ended = site.ask("DELETE", "/session", cookie=other.secret)
    expect(ended.status == NO_CONTENT, expected="204", got=describe(ended))
    first = other.me(process=1)
    changed = browser.ask("PUT", "/me/password", {"new_password": site.password()})
    expect(changed.status == NO_CONTENT, expected="204", got=describe(changed))
    return [first, browser.me(process=1)]


@then("each of them knows what the others did")
def each_of_them_knows_what_the_others_did(answers: list[Exchange]) -> None:
    ended, rotated = answers
    expect(ended.status == UNAUTHORIZED, expected="401 for a session that another ended", got=describe(ended))
    expect(rotated.status == OK, expected="200 for a secret that another has set", got=describe(rotated))
