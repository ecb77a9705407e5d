"""Steps of mailbox.feature."""

import re
import time
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Mail, as_object, describe_answer, expect, is_problem, wait_until

from .saas import (
    ACCEPTED,
    API,
    CREATED,
    LONGEST_ANSWER_SECONDS,
    NO_CONTENT,
    OK,
    UNAUTHENTICATED,
    Person,
    Site,
    bare,
    is_refused,
    mails_to,
    posted,
)

TOKEN = re.compile(r"#(?:[a-z]+-)?token=([A-Za-z0-9_-]+)")

scenarios("mailbox.feature")


@dataclass(frozen=True)
class Asked:
    """Requests for mails, first for the address that gets a token, and the mails that came of them."""

    answers: list[Exchange]
    email: str
    mails: list[Mail]


def ask(site: Site, path: str, email: str, process: int = 0) -> Exchange:
    return site.service.client(process=process).request("POST", f"{API}{path}", json={"email": email})


def token_of(site: Site, mail: Mail, name: str) -> str:
    """Return the token in the link of a mail."""
    link = f"{site.settings['PUBLIC_ORIGIN']}/#{name}="
    expect(link in mail.text, expected=f"{link} in the mail", got=mail.text)
    found = TOKEN.search(mail.text)
    return found[1] if found else ""


def asked(site: Site, path: str, with_token: str, without: str) -> Asked:
    """Ask for two mails, and wait for both."""
    form = site.draw.choice([with_token, with_token.upper(), with_token.title()])
    answers = [ask(site, path, form), ask(site, path, without)]
    mails = [mails_to(site, email)[0] for email in (with_token, without)]
    return Asked(answers, with_token, mails)


def both_hear_the_same(one: Asked) -> None:
    first, second = one.answers
    expect(first.status == ACCEPTED, expected="202", got=describe_answer(first))
    expect(bare(first) == bare(second), expected=str(bare(first)), got=bare(second))
    found = TOKEN.search(one.mails[1].text)
    expect(found is None, expected="no token in the second mail", got=one.mails[1].text)


@when("an address that has no account is registered, and one that has", target_fixture="one")
def two_are_registered(site: Site, person: Person) -> Asked:
    return asked(site, "/auth/register", site.email(), person.email)


@then("both hear the same, and only the mail to the first leads to an account")
def only_the_first_leads_to_an_account(site: Site, one: Asked) -> None:
    both_hear_the_same(one)
    token, password = token_of(site, one.mails[0], "token"), site.password()
    reset = site.service.client().request(
        "POST", f"{API}/auth/password/reset", json={"token": token, "password": password}
    )
    is_refused(reset, "/token")
    answer = site.account(token, password)
    expect(answer.status == CREATED, expected="201", got=describe_answer(answer))
    email = as_object(answer).get("email")
    expect(email == one.email, expected=one.email, got=email)
    site.login(one.email, password)
    is_refused(site.account(token, password), "/token")


@when("their password is forgotten, and one at an address that has no account", target_fixture="one")
def two_are_forgotten(site: Site, person: Person) -> Asked:
    return asked(site, "/auth/password/forgot", person.email, site.email())


@then("both hear the same, and the mail to the first leads to another password, once")
def the_first_leads_to_another_password(site: Site, person: Person, one: Asked) -> None:
    both_hear_the_same(one)
    token, password = token_of(site, one.mails[0], "reset-token"), site.password()
    client = site.service.client()

    def reset(new: str) -> Exchange:
        return client.request("POST", f"{API}/auth/password/reset", json={"token": token, "password": new})

    is_refused(site.account(token, password), "/token")
    is_refused(reset(password[:14]), "/password")
    seen = person.http.get(f"{API}/me")
    expect(seen.status == OK, expected="200 before the reset", got=describe_answer(seen))
    done = reset(password)
    expect(done.status == NO_CONTENT, expected="204", got=describe_answer(done))
    (refresh,) = site.service.burst(
        [posted("/auth/refresh", {"refresh_token": person.tokens["refresh_token"]})]
    )
    for answer in (person.http.get(f"{API}/me"), refresh, site.guess(person.email, person.password)):
        is_problem(answer, UNAUTHENTICATED, "a reset ends all logins, and the old password")
    site.login(person.email, password)
    is_refused(reset(site.password()), "/token")
    site.login(person.email, password)


@dataclass(frozen=True)
class Delayed:
    """A request while there was no mail server, and the mail that came later."""

    answer: Exchange
    seconds: float
    token: str
    received: float


@when("an account is asked for while the mail server is away", target_fixture="delayed")
def asked_while_the_mail_server_is_away(site: Site) -> Delayed:
    email, proxy = site.email(), site.service.mail.proxy
    loss = site.draw.choice([proxy.cut, proxy.black_hole])
    with loss():
        began = time.monotonic()
        answer = ask(site, "/auth/register", email)
        seconds = time.monotonic() - began
        time.sleep(1.2)  # so that it was tried at least once
    mail = mails_to(site, email)[-1]
    return Delayed(answer, seconds, token_of(site, mail, "token"), mail.received)


@then("the answer does not wait, the mail comes when the server is back, and its token expires")
def the_answer_does_not_wait(site: Site, delayed: Delayed) -> None:
    expect(delayed.answer.status == ACCEPTED, expected="202", got=describe_answer(delayed.answer))
    quick = delayed.seconds <= LONGEST_ANSWER_SECONDS
    expect(quick, expected=f"within {LONGEST_ANSWER_SECONDS} s", got=f"{delayed.seconds:.2f} s", timing=True)
    wait_until(delayed.received + float(site.settings["MAIL_TOKEN_SECONDS"]) + 0.2)
    is_refused(site.account(delayed.token, site.password()), "/token")


@when("more mails are asked for one address than it may be sent", target_fixture="emails")
def more_mails_are_asked_for(site: Site) -> tuple[str, str]:
    email, other = site.email(), site.email()
    limit = int(site.settings["MAILS_PER_HOUR"])
    for number in range(limit + 2):
        path = site.draw.choice(["/auth/register", "/auth/password/forgot"])
        form = email.upper() if number % 2 else email
        answer = ask(site, path, form, process=number % 2)
        expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer))
    ask(site, "/auth/register", other)
    return email, other


@then("it is sent as many as it may, and another address is sent its own")
def it_is_sent_as_many_as_it_may(site: Site, emails: tuple[str, str]) -> None:
    email, other = emails
    mails_to(site, other)  # asked for last, and so it is sent last
    mails = mails_to(site, email, int(site.settings["MAILS_PER_HOUR"]))
    expect(
        len(mails) == int(site.settings["MAILS_PER_HOUR"]),
        expected=f"{site.settings['MAILS_PER_HOUR']} mails",
        got=f"{len(mails)}",
    )
