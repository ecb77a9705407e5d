"""Steps of accounts.feature."""

import base64
import json

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem, wait_until

from .conftest import TOKEN_SECONDS
from .saas import (
    API,
    CONFLICT,
    CREATED,
    INVALID,
    NO_CONTENT,
    OK,
    UNAUTHENTICATED,
    Json,
    Person,
    Site,
    credentials,
    is_refused,
    posted,
    while_nobody_writes,
)

CROWD, REFRESHES = 6, 20

scenarios("accounts.feature")


@when(
    "an address is let in by three spellings, and six make its account at the same instant",
    target_fixture="made_by_six",
)
def six_make_an_account(site: Site) -> tuple[list[Exchange], Exchange]:
    email, password = site.email(), site.password()
    tokens = [site.admit(form) for form in (email, email.upper(), email.title())]
    requests = [
        posted("/auth/accounts", {"token": tokens[number % 3], "password": password})
        for number in range(CROWD)
    ]
    answers = while_nobody_writes(site, requests)
    form = site.draw.choice([email, email.upper(), email.title()])
    return answers, site.operator.request("POST", f"{API}/admin/accounts", json={"email": form})


@then("one of them has an account, and nobody else can make it")
def one_of_them_has_an_account(made_by_six: tuple[list[Exchange], Exchange]) -> None:
    answers, again = made_by_six
    statuses = sorted(answer.status for answer in answers)
    wanted = [CREATED, *[INVALID] * (CROWD - 1)]
    expect(statuses == wanted, expected=f"one 201, {CROWD - 1} times 422", got=statuses)
    for answer in answers:
        if answer.status == CREATED:
            document = as_object(answer)
            email = str(document.get("email"))
            expect(email == email.lower(), expected="the address in small letters", got=email)
            expect(document.keys() == {"id", "email"}, expected="id and email", got=document)
        else:
            is_refused(answer, "/token")
    is_problem(again, CONFLICT, "an address has one account")


@when(
    "passwords are chosen that are too short, too long, of the address, and just long enough",
    target_fixture="answers",
)
def passwords_are_chosen(site: Site) -> list[Exchange]:
    email = site.email()
    own, token = email.partition("@")[0], site.admit(email)
    letter = site.draw.choice(["x", "é", "漢", "\N{TEACUP WITHOUT HANDLE}"])
    chosen = [
        letter * 14,
        letter * 257,
        f"it is {own} again, of course",
        letter * site.draw.choice([15, 256]),
    ]
    return [site.account(token, one) for one in chosen]


@then("the first three are refused with 422 at /password, and the last is taken")
def the_first_three_are_refused(answers: list[Exchange]) -> None:
    *refused, taken = answers
    for answer in refused:
        is_refused(answer, "/password")
    expect(taken.status == CREATED, expected="201", got=describe_answer(taken))


@when(
    "they log in with their password, with another one, and with an address of nobody's",
    target_fixture="answers",
)
def they_log_in(site: Site, person: Person) -> list[Exchange]:
    client = site.service.client()
    tried = [
        (site.draw.choice([person.email, person.email.upper()]), person.password),
        (person.email, person.password[:-1]),
        (site.email(), person.password),
    ]
    return [client.request("POST", f"{API}/auth/login", json=credentials(*one)) for one in tried]


@then("the first gets tokens, and the others the same 401")
def the_first_gets_tokens(answers: list[Exchange]) -> None:
    right, *wrong = answers
    document = as_object(right)
    wanted = {"access_token", "refresh_token", "token_type", "expires_in"}
    expect(right.status == OK and document.keys() >= wanted, expected=f"200 with {wanted}", got=document)
    expect(document.get("token_type") == "Bearer", expected="Bearer", got=document.get("token_type"))
    bare = [{k: v for k, v in is_problem(one, UNAUTHENTICATED).items() if k != "request_id"} for one in wrong]
    expect(bare[0] == bare[1], expected="one body for both", got=bare)


@when(
    "they refresh with one token twenty times at the same instant, and once more when the second is over",
    target_fixture="answers",
)
def they_refresh_twenty_times(site: Site, person: Person) -> list[Exchange]:
    request = posted("/auth/refresh", {"refresh_token": person.tokens["refresh_token"]})
    together = site.service.burst(request for _ in range(REFRESHES))
    wait_until(max(answer.received for answer in together) + 1.1)
    return [*together, *site.service.burst([request])]


@then("the twenty have one successor, and the last gets 401 and ends what came of that login")
def the_twenty_have_one_successor(site: Site, answers: list[Exchange]) -> None:
    *together, late = answers
    for answer in together:
        expect(answer.status == OK, expected="200 from each", got=describe_answer(answer), timing=True)
    successors = {str(as_object(answer).get("refresh_token")) for answer in together}
    expect(len(successors) == 1, expected="one refresh token for all", got=f"{len(successors)} of them")
    is_problem(late, UNAUTHENTICATED)
    (successor,) = successors
    (after,) = site.service.burst([posted("/auth/refresh", {"refresh_token": successor})])
    is_problem(after, UNAUTHENTICATED, "reuse ends the whole family")
    access = str(as_object(together[0]).get("access_token"))
    asked = site.service.client({"Authorization": f"Bearer {access}"}).get(f"{API}/me")
    is_problem(asked, UNAUTHENTICATED, "an access token ends with its family")


@when("they log out at the one process", target_fixture="answers")
def they_log_out(site: Site, person: Person) -> list[Exchange]:
    both = [site.elsewhere(person, process) for process in site.draw.shuffle([0, 1])]
    for one in both:
        seen = one.http.get(f"{API}/me")
        expect(seen.status == OK, expected="200 before the logout", got=describe_answer(seen))
    out = both[0].http.request("POST", f"{API}/auth/logout")
    expect(out.status == NO_CONTENT, expected="204", got=describe_answer(out))
    refresh = posted("/auth/refresh", {"refresh_token": person.tokens["refresh_token"]})
    return [*(one.http.get(f"{API}/me") for one in both), *site.service.burst([refresh])]


@then("their access token gets 401 from both, and their refresh token too")
def their_access_token_gets_401(answers: list[Exchange]) -> None:
    for answer in answers:
        is_problem(answer, UNAUTHENTICATED)


@when("tokens that are none of this platform's are shown", target_fixture="answers")
def tokens_that_are_none(site: Site, person: Person) -> list[Exchange]:
    issued = site.guess(person.email, person.password, process=1)
    token = str(as_object(issued)["access_token"])
    head, claims, signature = token.split(".")
    unsigned = encoded({"alg": "none", "typ": "at+jwt"})
    other = encoded(json.loads(decoded(claims)) | {"sub": str(site.draw.uuid())})
    forged = [
        f"{head}.{other}.{signature}",
        f"{unsigned}.{claims}.",
        f"{head}.{claims}.{signature[::-1]}",
        "x",
    ]
    answers = [shown(site, one) for one in site.draw.shuffle(forged)]
    wait_until(issued.received + TOKEN_SECONDS + 1.1)
    return [*answers, shown(site, token)]


def shown(site: Site, token: str) -> Exchange:
    return site.service.client({"Authorization": f"Bearer {token}"}, process=1).get(f"{API}/me")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(document: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@then("each gets 401 with WWW-Authenticate")
def each_gets_401(answers: list[Exchange]) -> None:
    for answer in answers:
        is_problem(answer, UNAUTHENTICATED)
        challenge = answer.header("www-authenticate") or ""
        wanted = "Bearer" in challenge and "invalid_token" in challenge
        expect(wanted, expected='Bearer … error="invalid_token"', got=challenge)
