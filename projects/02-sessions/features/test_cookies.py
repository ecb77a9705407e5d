"""Steps of cookies.feature."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, as_object, expect, is_problem

from .login_site import (
    COOKIE,
    NO_CONTENT,
    OK,
    UNAUTHORIZED,
    Account,
    Browser,
    Site,
    attributes_of,
    cookies_of,
    describe,
    is_answered,
    is_cleared,
    is_signed_in,
    is_signed_out,
    secret_in,
    secret_of,
)

AT_ONCE = 20
PAIRS = 26
# Of 26 pairs the share in which the one is slower than the other is beyond these once in some 10,000 times,
# if they are of one distribution.
LEAST_SHARE, MOST_SHARE = 0.17, 0.83
ATTRIBUTES = {"secure": "", "httponly": "", "samesite": "Lax", "path": "/"}

scenarios("cookies.feature")


@when("somebody signs in, changes the password, and signs out", target_fixture="answers")
def somebody_signs_in_changes_and_signs_out(site: Site) -> list[Exchange]:
    account = site.account()
    login = site.login(account)
    browser = Browser(site, account, secret_in(login))
    changed = browser.ask("PUT", "/me/password", {"new_password": site.password()})
    others = browser.ask("POST", "/me/revoke-others", {})
    return [login, changed, others, browser.ask("DELETE", "/session")]


@then("each cookie has the prefix and all attributes, and no other")
def each_cookie_has_all_attributes(answers: list[Exchange]) -> None:
    for answer in answers:
        expect(secret_of(answer) is not None, expected=f"a cookie {COOKIE}", got=cookies_of(answer))
        attributes = attributes_of(answer)
        wanted = ATTRIBUTES if answer is not answers[-1] else {**ATTRIBUTES, "max-age": "0"}
        if answer is answers[-1]:
            attributes.pop("expires", None)
        attributes["samesite"] = attributes.get("samesite", "").title()
        expect(
            attributes == wanted,
            expected="Secure; HttpOnly; SameSite=Lax; Path=/",
            got=cookies_of(answer),
        )
    is_cleared(answers[-1])
    cleared = answers[-1].header("clear-site-data") or "none"
    parts = {part.strip() for part in cleared.split(",")}
    expect(
        {'"cache"', '"storage"'} <= parts and '"cookies"' not in parts and '"*"' not in parts,
        expected='Clear-Site-Data: "cache", "storage"',
        got=cleared,
    )


@when(
    "somebody signs in with cookies of a live session, of an ended one, and of nobody's",
    target_fixture="logins",
)
def somebody_signs_in_with_cookies(site: Site) -> list[tuple[list[Browser], Exchange]]:
    account = site.account()
    live, foreign, ended = site.browser(account), site.browser(), site.browser(account)
    gone = ended.secret
    ended.ask("DELETE", "/session")
    pair = [site.browser(account).secret, site.browser().secret]
    old = [[live.secret], [gone], [site.draw.text(len(gone))], [foreign.secret], pair]
    return [
        (
            [Browser(site, account, secret) for secret in secrets],
            site.login(account, f"; {COOKIE}=".join(secrets)),
        )
        for secrets in old
    ]


@then("each login has a secret that was never seen, and what came along opens nothing")
def each_login_has_a_secret_that_was_never_seen(logins: list[tuple[list[Browser], Exchange]]) -> None:
    seen = {browser.secret for before, _ in logins for browser in before}
    for before, answer in logins:
        new = secret_in(answer)
        expect(new not in seen, expected="a new secret", got=new)
        seen.add(new)
        for browser in before:
            is_signed_out(browser, "the secret that came along with a login opens nothing after it")
        is_signed_in(replace_secret(before[0], new))


def replace_secret(browser: Browser, secret: str) -> Browser:
    return Browser(browser.site, browser.account, secret)


@when("twenty requests with the cookie come at the same instant", target_fixture="answers")
def twenty_requests_come_at_the_same_instant(site: Site, browser: Browser) -> list[Exchange]:
    paths = [site.draw.choice(["/me", "/sessions"]) for _ in range(AT_ONCE)]
    return site.burst([site.request("GET", path, cookie=browser.secret) for path in paths])


@then("all are answered, none sets a cookie, and the session is live")
def all_are_answered(browser: Browser, answers: list[Exchange]) -> None:
    for answer in answers:
        is_answered(answer, OK, "each of them")
        expect(not cookies_of(answer), expected="no Set-Cookie", got=cookies_of(answer))
    is_signed_in(browser)


@when("twenty log in with the old cookie at the same instant", target_fixture="answers")
def twenty_log_in_with_the_old_cookie(site: Site, browser: Browser) -> list[Exchange]:
    accounts = [browser.account] * (AT_ONCE // 2) + [site.account()] * (AT_ONCE // 2)
    return site.burst(
        [site.login_request(account, browser.secret) for account in site.draw.shuffle(accounts)]
    )


@then("there are twenty new secrets, and the old one is dead")
def there_are_twenty_new_secrets(browser: Browser, answers: list[Exchange]) -> None:
    secrets = {secret_in(answer) for answer in answers}
    expect(len(secrets) == AT_ONCE, expected=f"{AT_ONCE} secrets", got=len(secrets))
    expect(browser.secret not in secrets, expected="none of them the old one", got=browser.secret)
    is_signed_out(browser)


@when(
    "requests carry several cookies of the name, in one line and in several, dead ones and malformed ones"
    " first",
    target_fixture="asked",
)
def requests_carry_several_cookies(site: Site) -> list[tuple[str, str, Exchange]]:
    first, second, dead = site.browser(), site.browser(), site.browser()
    gone = dead.secret
    dead.ask("DELETE", "/session")
    made_up, short = site.draw.text(len(first.secret)), site.draw.text(7)
    one, two = first.secret, second.secret
    orders = [
        ("two live ones", [one, two], first),
        ("two live ones", [two, one], second),
        ("a dead one first", [gone, one], first),
        ("one that is made up first", [made_up, gone, two, one], second),
        ("a malformed one first", [short, one], first),
        ("an empty one first", ["", two], second),
        ("a live one first", [one, gone], first),
    ]
    asked = []
    for what, secrets, whose in site.draw.shuffle(orders):
        pairs = [f"{COOKIE}={secret}" for secret in secrets]
        others = [f"theme={site.draw.word()}", f"{COOKIE}2={two}", f"x{COOKIE}={two}"]
        parts = [f"{COOKIE.upper()}={two}", others[0], *pairs, *others[1:]]
        for lines in (parts, ["; ".join(parts)]):
            answer = site.raw("GET", "/me", [("Cookie", line) for line in lines])
            asked.append((f"{what}, in {len(lines)} lines", whose.account.email, answer))
    return asked


@then("the first live one says who asks")
def the_first_live_one_says_who_asks(asked: list[tuple[str, str, Exchange]]) -> None:
    for what, email, answer in asked:
        expect(answer.status == OK, expected=f"200 with {what}", got=describe(answer))
        got = as_object(answer).get("email")
        expect(got == email.lower(), expected=f"{email.lower()} with {what}", got=got)


@when("people sign out while requests on their cookie are under way", target_fixture="left")
def people_sign_out_while_requests_are_under_way(site: Site) -> list[Browser]:
    left: list[Browser] = []
    with site.service.redis.proxy.delay(0.02), site.service.postgres.proxy.delay(0.01):
        for path, body in (("/me/password", True), ("/me/revoke-others", False)):
            browser = site.browser()
            change = {"new_password": site.password()} if body else {}
            method = "PUT" if body else "POST"
            requests = [
                *(site.request("GET", "/me", cookie=browser.secret) for _ in range(5)),
                site.request(method, path, change, cookie=browser.secret),
                *(site.request("GET", "/sessions", cookie=browser.secret) for _ in range(3)),
            ]
            late = site.draw.integer(5, 60) / 1000
            answers: list[Exchange] = []
            sender = threading.Thread(target=send, args=(site, requests, answers))
            sender.start()
            time.sleep(late)
            out = site.ask("DELETE", "/session", cookie=browser.secret)
            sender.join()
            expect(out.status in {NO_CONTENT, UNAUTHORIZED}, expected="204 or 401", got=describe(out))
            if out.status == NO_CONTENT:
                left.append(browser)
                left += [
                    replace_secret(browser, secret) for answer in answers if (secret := secret_of(answer))
                ]
        plain = site.browser()
        out = site.ask("DELETE", "/session", cookie=plain.secret)
        expect(out.status == NO_CONTENT, expected="204", got=describe(out))
    return [*left, plain]


def send(site: Site, requests: list[Request], answers: list[Exchange]) -> None:
    answers.extend(site.burst(requests))


@then("their cookies, and those that were set meanwhile, open nothing any more")
def their_cookies_open_nothing_any_more(left: list[Browser]) -> None:
    for browser in left:
        for _ in range(2):
            is_signed_out(browser)


@when("unknown users, disabled ones and wrong passwords are tried", target_fixture="answers")
def unknown_users_and_wrong_passwords_are_tried(site: Site) -> list[Exchange]:
    known, disabled, unknown = site.account(), site.account(), site.stranger()
    kept_out = site.chief().ask("PATCH", f"/users/{disabled.id}", {"disabled": True})
    expect(kept_out.status == OK, expected="200", got=describe(kept_out))
    malformed = replace(unknown, email=site.draw.word())
    return [site.guess(known), *map(site.login, (unknown, malformed, disabled)), site.guess(disabled)]


@then("the answers differ in nothing but the id of the request")
def the_answers_differ_in_nothing(answers: list[Exchange]) -> None:
    bodies = []
    for answer in answers:
        is_problem(answer, UNAUTHORIZED)
        challenge = answer.header("www-authenticate")
        expect(bool(challenge), expected="WWW-Authenticate", got=challenge)
        bodies.append({name: value for name, value in as_object(answer).items() if name != "request_id"})
    for body in bodies[1:]:
        expect(body == bodies[0], expected=str(bodies[0]), got=body)
    names = [sorted({name.lower() for name, _ in answer.headers}) for answer in answers]
    for one in names[1:]:
        expect(one == names[0], expected=f"the headers {names[0]}", got=one)


@when(
    "unknown users and wrong passwords are tried in turn, and known and unknown addresses are registered",
    target_fixture="times",
)
def unknown_users_and_wrong_passwords_are_tried_in_turn(site: Site) -> dict[str, list[list[float]]]:
    known = [site.account() for _ in range(3)]

    disabled = site.account()
    kept_out = site.chief().ask("PATCH", f"/users/{disabled.id}", {"disabled": True})
    expect(kept_out.status == OK, expected="200", got=describe(kept_out))

    def login(account: Account) -> Request:
        return site.login_request(replace(account, password=site.password()))

    def registration(email: str) -> Request:
        return site.request("POST", "/registrations", {"email": email})

    def logins() -> list[Request]:
        nameless = replace(site.stranger(), email=site.draw.word())
        return [login(one) for one in (site.draw.choice(known), site.stranger(), nameless, disabled)]

    one, unknown, no_email, kept = in_turn(site, [logins() for _ in range(PAIRS)])
    addresses = in_turn(
        site,
        [(registration(site.draw.choice(known).email), registration(site.email())) for _ in range(PAIRS)],
    )
    return {
        "a login, against an unknown one": [one, unknown],
        "a login, against one that is no e-mail": [one, no_email],
        "a login, against one who is disabled": [one, kept],
        "a registration": addresses,
    }


def in_turn(site: Site, requests: Sequence[Sequence[Request]]) -> list[list[float]]:
    """Send those of each group in an order that is drawn, and return each kind's times."""
    client = site.service.client()
    times: list[list[float]] = [[] for _ in requests[0]]
    for group in requests:
        for kind in site.draw.shuffle(range(len(group))):
            request = group[kind]
            answer = client.request(request.method, request.path, headers=request.headers, body=request.body)
            expect(answer.status in {UNAUTHORIZED, 202}, expected="401 or 202", got=describe(answer))
            times[kind].append(answer.received - answer.sent)
    return times


@then("their times cannot be told apart")
def their_times_cannot_be_told_apart(times: dict[str, list[list[float]]]) -> None:
    for what, (known, unknown) in times.items():
        slower = sum(one > other for one in known for other in unknown)
        share = slower / (len(known) * len(unknown))
        expect(
            LEAST_SHARE <= share <= MOST_SHARE,
            expected=f"the same time for a known one: {what}",
            got=f"a known one is slower in {share:.0%} of the comparisons: {1000 * median(known):.1f} ms,"
            f" and {1000 * median(unknown):.1f} ms",
            timing=True,
        )
