"""Steps of registration.feature."""

import json
import time
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, as_object, expect, is_problem, wait_until_ready

from .login_site import (
    ACCEPTED,
    CREATED,
    INVALID,
    OK,
    UNSUPPORTED,
    Account,
    Browser,
    Site,
    describe,
    is_answered,
    is_refused,
    is_signed_in,
    other_password,
    secret_of,
    token_of,
    wait,
)

AT_ONCE_SECONDS = 1.5
MAIL_BACK_SECONDS = 15.0
TRIED_SECONDS = 1.2
# So many mails wait for the server that one a second would be too few.
CROWD = 24
BAD_EMAILS = (
    "",
    "ann",
    "@example.org",
    "ann@",
    "ann@@example.org",
    "ann@exam ple.org",
    "ann example@example.org",
    "ann@-example.org",
    "ann@example..org",
    "ann@example.org\r\nBcc: bob@example.org",
    "ann@example.org,bob@example.org",
    f"{'a' * 65}@example.org",
    f"a@{'b' * 64}.org",
)
WORD_SECONDS = 0.2

scenarios("registration.feature")


@when(
    "an address is registered, and the account is made with the token of the mail", target_fixture="account"
)
def an_address_is_registered(site: Site) -> Account:
    email, password = site.email(), site.password()
    answer = site.make(site.token(email), password)
    expect(answer.status == CREATED, expected="201", got=describe(answer))
    made = as_object(answer)
    expect(made.get("email") == email.lower(), expected=email.lower(), got=made.get("email"))
    expect(secret_of(answer) is None, expected="no session yet", got="a cookie")
    return Account(email, password, site.draw.address(), str(made.get("id")))


@then("the account is there, and its owner can sign in")
def the_account_is_there(site: Site, account: Account) -> None:
    body = as_object(is_signed_in(site.browser(account)))
    expect(body.get("id") == account.id, expected=f"id {account.id}", got=body.get("id"))
    mail = site.mail(account.email)
    expect(
        f"{site.origin}/#token=" in mail.text,
        expected=f"a link that begins with {site.origin}/#token=",
        got=mail.text[:300],
    )


@when(
    "an address that has an account is registered again, in another case, and one that has none",
    target_fixture="registrations",
)
def an_address_that_has_an_account_is_registered_again(site: Site) -> list[tuple[str, Exchange]]:
    known, unknown = site.account().email.swapcase(), site.email()
    return [(email, site.register(email)) for email in (known, unknown)]


@then("the answers are alike, and only the second mail has a token")
def the_answers_are_alike(site: Site, registrations: list[tuple[str, Exchange]]) -> None:
    (known, first), (unknown, second) = registrations
    expect(first.body == second.body, expected=second.text, got=first.text)
    names = [sorted(name.lower() for name, _ in answer.headers) for answer in (first, second)]
    expect(names[0] == names[1], expected=f"the same headers: {names[1]}", got=names[0])
    mail = site.mail(known, 2)
    has_token = "token=" in mail.text
    expect(not has_token, expected="a mail that says that there is an account", got=mail.text[:300])
    token_of(site.mail(unknown))


@when(
    "an address is registered fifty times at the same instant, in many cases, and all tokens are used"
    " at once",
    target_fixture="made",
)
def an_address_is_registered_fifty_times(site: Site) -> tuple[list[Account], list[Exchange]]:
    email = site.email()
    spellings = [
        "".join(letter.swapcase() if site.draw.integer(0, 1) else letter for letter in email)
        for _ in range(50)
    ]
    answers = site.burst([site.request("POST", "/registrations", {"email": one}) for one in spellings])
    for answer in answers:
        is_answered(answer, ACCEPTED, "each of them")
    tokens = {token_of(site.mail(email))}
    # Of the mails that were promised together one is enough; the others may still come.
    for _ in range(2):
        tokens.add(site.token(email))
    tokens |= {token_of(mail) for mail in site.mails(email)}
    accounts = [Account(email, site.password(), site.draw.address()) for _ in range(max(6, len(tokens)))]
    used = sorted(tokens) * 6
    bodies = [
        {"token": token, "password": account.password} for token, account in zip(used, accounts, strict=False)
    ]
    return accounts, site.burst([site.request("POST", "/accounts", body) for body in bodies])


@then("there is one account")
def there_is_one_account(site: Site, made: tuple[list[Account], list[Exchange]]) -> None:
    accounts, answers = made
    statuses = sorted(answer.status for answer in answers)
    expect(
        statuses == [CREATED, *[INVALID] * (len(answers) - 1)],
        expected="one 201, and 422 for all others",
        got=statuses,
        exchanges=answers,
    )
    for account, answer in zip(accounts, answers, strict=False):
        got = site.login(account).status
        wanted = 200 if answer.status == CREATED else 401
        expect(got == wanted, expected=f"{wanted} with the password of a {answer.status}", got=got)
    late = site.make(token_of(site.mails(accounts[0].email)[0]), site.password())
    expect(late.status == INVALID, expected="422 for another token of it", got=describe(late))


@then("who registers again as soon as the mail is there gets another")
def who_registers_again_gets_another(site: Site) -> None:
    email = site.email()
    # So long the service does not know that the mail is there.
    with site.service.mail.proxy.delay(WORD_SECONDS):
        site.token(email)
        site.token(email)


@dataclass(frozen=True)
class TokenUse:
    """A token that is good for nothing, and why."""

    why: str
    answer: Exchange


@when("accounts are made with tokens that are changed, used, too old, and of no mail", target_fixture="uses")
def accounts_are_made_with_tokens_that_are_no_good(site: Site) -> list[TokenUse]:
    began = time.monotonic()
    old_email = site.email()
    old = site.token(old_email)
    received = time.monotonic()
    email = site.email()
    token = site.token(email)
    last = "A" if token[-1] not in "ABCD" else "z"
    uses = [
        TokenUse("one character changed", site.make(token[:-1] + last, site.password())),
        TokenUse("one character less", site.make(token[:-1], site.password())),
        TokenUse("another case", site.make(token.swapcase(), site.password())),
        TokenUse("none at all", site.make("", site.password())),
        TokenUse("made up", site.make(site.draw.text(43), site.password())),
    ]
    refused = site.make(token, "short")
    is_refused(refused, "#/password", "a refused password does not use the token up")
    good = site.make(token, site.password())
    if time.monotonic() < began + site.number("TOKEN_SECONDS"):
        expect(good.status == CREATED, expected="201 with the token as it came", got=describe(good))
    uses.append(TokenUse("used", site.make(token, site.password())))
    wait(received + site.number("TOKEN_SECONDS") + 0.1 - time.monotonic())
    uses.append(TokenUse("too old", site.make(old, site.password())))
    return uses


@then("each is refused with a pointer to the token")
def each_is_refused_with_a_pointer_to_the_token(uses: list[TokenUse]) -> None:
    for use in uses:
        is_refused(use.answer, "#/token", f"a token is refused: {use.why}")


@when("what is no e-mail address is registered", target_fixture="answers")
def what_is_no_email_address_is_registered(site: Site) -> list[tuple[str, Exchange]]:
    long = f"{site.draw.text(64)}@{'.'.join(site.draw.text(60) for _ in range(3))}.example"
    return [
        (email, site.ask("POST", "/registrations", {"email": email}))
        for email in (*site.draw.shuffle(BAD_EMAILS)[:7], long)
    ]


@then("each is refused with a pointer to the e-mail")
def each_is_refused_with_a_pointer_to_the_email(answers: list[tuple[str, Exchange]]) -> None:
    for email, answer in answers:
        is_refused(answer, "#/email", f"{email!r} is no e-mail address")


@when(
    "bodies of other types, malformed ones, and ones with unknown members are sent to every route that"
    " takes one",
    target_fixture="answers",
)
def bodies_of_other_types_are_sent(site: Site) -> list[tuple[str, Exchange]]:
    browser = site.browser()
    routes = {
        ("POST", "/registrations"): {"email": site.email()},
        ("POST", "/accounts"): {"token": "x", "password": site.password()},
        ("POST", "/session"): {"email": browser.account.email, "password": browser.account.password},
        ("PUT", "/me/password"): {"new_password": site.password()},
        ("PUT", "/me/email"): {"email": site.email()},
        ("POST", "/me/email/confirmation"): {"token": "x"},
        ("POST", "/me/revoke-others"): {},
    }
    types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
    answers = []
    for (method, path), body in routes.items():
        asked = site.request(method, path, body, cookie=browser.secret)
        written = asked.body
        kind = site.draw.choice(types)
        answers += [
            ("415", sent(browser, asked, written, kind)),
            ("400", sent(browser, asked, written[:-1], "application/json")),
            (
                "422",
                sent(browser, asked, json.dumps({**body, site.draw.word(): 1}).encode(), "application/json"),
            ),
        ]
    text = b'{"token": "x", "password": "\\ud800 is half of a character"}'
    half = sent(browser, site.request("POST", "/accounts"), text, "application/json")
    expect(half.status in {400, 422}, expected="400 or 422 for half a surrogate pair", got=describe(half))
    return answers


def sent(browser: Browser, asked: Request, body: bytes, kind: str) -> Exchange:
    headers = {name: value for name, value in asked.headers.items() if name != "Content-Type"}
    if kind:
        headers["Content-Type"] = kind
    return browser.client.request(asked.method, asked.path, headers=headers, body=body)


@then("they are refused with 415, 400 and 422")
def they_are_refused_with_415_400_and_422(answers: list[tuple[str, Exchange]]) -> None:
    for status, answer in answers:
        is_problem(answer, int(status), f"{status} from {answer.asked}")
    refused = [answer for status, answer in answers if int(status) == UNSUPPORTED]
    expect(len(refused) * 3 == len(answers), expected="a third of them 415", got=len(refused))


@when(
    "addresses are registered while the mail server refuses or is silent, and the process is killed",
    target_fixture="promised",
)
def addresses_are_registered_without_a_mail_server(site: Site) -> tuple[list[str], list[str]]:
    known = [site.account(), site.account()]
    emails = [known[0].email, site.email(), known[1].email, site.email()]
    proxy = site.service.mail.proxy
    modes = site.draw.shuffle([proxy.cut, proxy.black_hole])
    client = site.service.client()
    for mode, pair in zip(modes, (emails[:2], emails[2:]), strict=True):
        with mode():
            for email in site.draw.shuffle(pair):
                answer = site.register(email)
                took = answer.received - answer.sent
                expect(
                    took <= AT_ONCE_SECONDS,
                    expected=f"202 within {AT_ONCE_SECONDS:g} s",
                    got=f"{took:.3f} s",
                    timing=True,
                )
            wait(TRIED_SECONDS)  # it is tried meanwhile, and fails
            ready = client.get("/ready")
            expect(ready.status == OK, expected="200 from /ready without mails", got=describe(ready))
            if mode is modes[1]:
                crowd = [site.email() for _ in range(CROWD)]
                site.burst([site.request("POST", "/registrations", {"email": email}) for email in crowd])
                site.service.web.kill()
    site.service.web.restart()
    wait_until_ready(site.service.web)
    return emails, crowd


@then("the answers come at once, and the mails when the mail server is back")
def the_mails_come_when_the_mail_server_is_back(site: Site, promised: tuple[list[str], list[str]]) -> None:
    emails, crowd = promised
    counts = (2, 1, 2, 1, *[1] * len(crowd))
    deadline = time.monotonic() + MAIL_BACK_SECONDS
    for email, count in zip((*emails, *crowd), counts, strict=True):
        left_seconds = max(0.0, deadline - time.monotonic())
        mails = site.service.mail.server.wait_for(email, count, left_seconds)
        expect(
            len(mails) >= count,
            expected=f"mail {count} to {email} within {MAIL_BACK_SECONDS:g} s",
            got=len(mails),
            timing=True,
        )
    fresh = other_password(site.stranger(), site.password())
    token = token_of(site.service.mail.server.received(emails[1])[-1])
    answer = site.make(token, fresh.password)
    expect(answer.status == CREATED, expected="201 with the token that came late", got=describe(answer))
