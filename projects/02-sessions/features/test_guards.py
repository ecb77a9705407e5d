"""Steps of guards.feature."""

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, expect, is_problem

from .login_site import (
    FORBIDDEN,
    INVALID,
    MALFORMED,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    UNAUTHORIZED,
    UNSUPPORTED,
    Browser,
    Site,
    cookies_of,
    describe,
    is_cleared,
    secret_of,
)

UNKNOWN_ID = "0190163d-8694-739b-aea5-966c26f8ad91"

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
