"""Steps of accounts.feature."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    Request,
    as_object,
    describe_answer,
    expect,
    is_problem,
    wait_until,
    wait_until_ready,
)

from .backend import (
    API,
    AUTH,
    CONFLICT,
    CREATED,
    OK,
    Backend,
    Json,
    Person,
    claims_of,
    is_refused,
    is_unauthenticated,
    segment,
)

ME = f"{API}/me"
AT_ONCE = 20
SLOW_HASH = re.compile(r"\$(argon2id|argon2i|argon2d|2[aby]|scrypt|pbkdf2[a-z0-9-]*|y)\$.{20,}")
COLUMNS = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
"""

scenarios("accounts.feature")


@when("people register, with addresses in other letters and passwords of any kind", target_fixture="people")
def people_register(backend: Backend) -> list[tuple[Person, Exchange]]:
    lengths = (8, 73, 128)  # 73: what reads 72 bytes of a password takes many for one
    people = []
    for length in lengths:
        email = backend.email()
        written = "".join(backend.draw.choice([one, one.upper()]) for one in email)
        password = backend.draw.text(length - 1) + "ж"
        answer = backend.post(f"{AUTH}/register", {"email": written, "password": password})
        expect(answer.status == CREATED, expected="201", got=describe_answer(answer))
        people.append((Person(backend, email, password, str(as_object(answer).get("id"))), answer))
    return people


@then("each has an account of their own, and is a user")
def each_has_an_account(backend: Backend, people: list[tuple[Person, Exchange]]) -> None:
    for person, answer in people:
        body = as_object(answer)
        got = [body.get("email"), body.get("role")]
        expect(got == [person.email, "USER"], expected=f"{person.email}, USER", got=got, answer=answer)
        told = answer.text
        expect(
            person.password not in told and "$" not in told, expected="no password", got=told, answer=answer
        )
        me = as_object(backend.log_in(person).ask("GET", ME))
        expect(me == body, expected=str(body), got=me)
    expect(len({person.id for person, _ in people}) == len(people), expected="ids of their own", got=people)


@then("of those who register one address at the same instant one gets it")
def of_those_who_register_one_address_at_once_one_gets_it(
    backend: Backend, people: list[tuple[Person, Exchange]]
) -> None:
    email = backend.email()
    spelled = [backend.draw.choice([email, email.upper(), email.capitalize()]) for _ in range(6)]
    requests = [
        Request(
            "POST",
            f"{AUTH}/register",
            {"Content-Type": "application/json"},
            json.dumps({"email": one, "password": backend.password()}).encode(),
        )
        for one in spelled
    ]
    statuses = sorted(answer.status for answer in backend.service.burst(requests))
    wanted = [CREATED] + [CONFLICT] * 5
    expect(statuses == wanted, expected=str(wanted), got=statuses)
    taken = backend.post(
        f"{AUTH}/register", {"email": people[0][0].email.upper(), "password": backend.password()}
    )
    is_problem(taken, CONFLICT)


@then("what is no address or no password is refused with a pointer, and makes no account")
def what_is_no_address_is_refused(backend: Backend) -> None:
    email, password = backend.email(), backend.password()
    bodies: list[tuple[dict[str, object], str]] = [
        ({"email": backend.draw.choice(["", "ann", "@b.org", "ann@", "a b@c.org"])}, "#/email"),
        ({"email": backend.draw.choice(["a@b@c.org", "ann@org", "ann@b..org", "a\n@b.org"])}, "#/email"),
        ({"email": f"{'a' * 65}@example.org"}, "#/email"),
        ({"email": f"ann@{'b' * 243}.example"}, "#/email"),
        ({"email": backend.draw.choice([7, None, ["a@b.org"]])}, "#/email"),
        ({"password": backend.draw.text(7)}, "#/password"),
        ({"password": backend.draw.text(129)}, "#/password"),
        ({"password": backend.draw.choice([12345678, None, True])}, "#/password"),
        ({"role": "ADMIN"}, "#/role"),
        ({"id": str(backend.draw.uuid())}, "#/id"),
    ]
    for members, pointer in bodies:
        body = {"email": email, "password": password, **members}
        answer = backend.post(f"{AUTH}/register", body)
        is_refused(answer, pointer, members)
        sent = str(body["password"])
        expect(
            len(sent) < 7 or sent not in answer.text, expected="no password in the answer", got=answer.text
        )
    expect(backend.register(email, password).id != "", expected="an address that nobody has", got="none")


@when("two people with the same password register, and log in", target_fixture="pair")
def two_people_with_the_same_password(backend: Backend) -> list[Person]:
    password = backend.draw.text(30)
    return [backend.log_in(backend.register(password=password)) for _ in range(2)]


@then("their passwords are kept as slow hashes, each with a salt of its own")
def their_passwords_are_kept_as_slow_hashes(backend: Backend, pair: list[Person]) -> None:
    hashes = []
    with backend.service.postgres.connect() as connection:
        for person in pair:
            row = connection.execute(
                "SELECT to_jsonb(u) FROM users u WHERE u.id = %s", [person.id]
            ).fetchone()
            values = row[0].values() if row and isinstance(row[0], dict) else []
            found = [value for value in values if isinstance(value, str) and SLOW_HASH.match(value)]
            expect(
                len(found) == 1,
                expected="a hash by argon2, bcrypt, scrypt or pbkdf2, as `$argon2id$…` or alike",
                got="none" if row else "no row in users with this id",
            )
            hashes += found
    expect(hashes[0] != hashes[1], expected="two salts", got="the same hash for the same password")


@then("neither password nor refresh token stands anywhere in the database")
def neither_stands_anywhere_in_the_database(backend: Backend, pair: list[Person]) -> None:
    secrets = [pair[0].password, *(str(person.tokens["refresh_token"]) for person in pair)]
    forms = [form for secret in secrets for form in forms_of(secret)]
    # A password has few enough letters that a quick hash of it can be guessed.
    forms += [kind(pair[0].password.encode()).hexdigest() for kind in (hashlib.md5, hashlib.sha256)]
    with backend.service.postgres.connect() as connection:
        tables = [str(row[0]) for row in connection.execute(COLUMNS).fetchall()]
        for table in tables:
            quoted = table.replace('"', '""')
            query = f'SELECT t::text FROM public."{quoted}" t'
            rows = [str(row[0]) for row in connection.execute(query.encode()).fetchall()]
            bad = [form for form in forms if any(form in row for row in rows)]
            expect(not bad, expected=f"no secret in {table}", got=bad[:1])


def forms_of(secret: str) -> list[str]:
    data = secret.encode()
    return [secret, data.hex(), base64.b64encode(data).decode().rstrip("=")]


@dataclass(frozen=True)
class Logins:
    """A login, when it was, and those that were refused."""

    person: Person
    asked: float
    answered: float
    refused: list[Exchange]


@when("somebody logs in, and others try with what is not quite right", target_fixture="logins")
def somebody_logs_in(backend: Backend) -> Logins:
    registered = backend.register(password=backend.draw.text(90))
    password = registered.password
    wrong = [
        (registered.email, password[:-1]),
        (registered.email, password + "x"),
        (registered.email, password[:80] + backend.draw.text(10)),
        (registered.email, password.swapcase()),
        (backend.email(), password),
    ]
    asked = time.time()
    spelled = Person(backend, registered.email.upper(), password, registered.id)
    person = backend.log_in(spelled)
    answered = time.time()
    refused = [
        backend.post(f"{AUTH}/login", {"email": email, "password": guess})
        for email, guess in backend.draw.shuffle(wrong)
    ]
    return Logins(person, asked, answered, refused)


@then("the tokens say whose they are and how long they last")
def the_tokens_say_whose_they_are(backend: Backend, logins: Logins) -> None:
    tokens, lasts = logins.person.tokens, int(backend.settings["ACCESS_SECONDS"])
    got = [tokens.get("token_type"), tokens.get("expires_in")]
    expect(got == ["Bearer", lasts], expected=f"Bearer, {lasts}", got=got)
    claims = claims_of(tokens.get("access_token"))
    expect(claims.get("sub") == logins.person.id, expected=f"sub {logins.person.id}", got=claims.get("sub"))
    ends = claims.get("exp")
    right = isinstance(ends, int) and logins.asked + lasts - 2 <= ends <= logins.answered + lasts + 2
    expect(right, expected=f"exp {lasts} s after the login", got=ends)
    expect(
        len(str(tokens.get("refresh_token"))) >= 20,
        expected="a refresh token",
        got=tokens.get("refresh_token"),
    )
    said = json.dumps(claims)
    expect(logins.person.password not in said, expected="no secret in the token", got=said)


@then("the others all get the same answer")
def the_others_all_get_the_same_answer(logins: Logins) -> None:
    told = set()
    for answer in logins.refused:
        is_unauthenticated(answer)
        body = dict(as_object(answer))
        del body["request_id"]
        told.add(json.dumps(body, sort_keys=True))
    expect(len(told) == 1, expected="one answer for a wrong password and an unknown address", got=told)


@dataclass(frozen=True)
class Forgeries:
    """Tokens that are good, and the answers to those that are not, each with what was done."""

    person: Person
    answers: list[tuple[str, Exchange]]


@when("tokens are forged in each way that is known, and one is waited out", target_fixture="forgeries")
def tokens_are_forged(backend: Backend, seconds: int) -> Forgeries:
    person = backend.log_in(backend.register())
    passing = backend.log_in(person, process=1)
    received = time.monotonic()
    good = str(person.tokens["access_token"])
    claims = claims_of(good)
    expect(me(backend, f"Bearer {good}").status == OK, expected="200 with a true token", got="no 200")
    expect(
        me(backend, f"Bearer {backend.signed(claims)}").status == OK,
        expected="200 with a token that JWT_SECRET signed",
        got="no 200",
    )
    other = {**claims, "sub": backend.register().id}
    head, _, signature = good.split(".")
    now = int(time.time())
    forged = {
        "none": "",
        "another scheme": f"Basic {good}",
        "no scheme": good,
        "no token": "Bearer",
        "no JWT": f"Bearer {backend.draw.word()}",
        "alg none": f"Bearer {backend.signed(claims, algorithm='none')}",
        "alg None": f"Bearer {backend.signed(claims, algorithm='None')}",
        "another secret": f"Bearer {backend.signed(claims, secret=backend.draw.text(40))}",
        "the empty secret": f"Bearer {backend.signed(claims, secret='')}",
        "another algorithm": f"Bearer {backend.signed(claims, algorithm='HS512')}",
        "another's claims": f"Bearer {head}.{segment(json.dumps(other).encode())}.{signature}",
        "no signature": f"Bearer {good.rpartition('.')[0]}.",
        "a signature cut short": f"Bearer {good[:-4]}",
        "over": f"Bearer {backend.signed({**claims, 'iat': now - 100, 'exp': now - 2})}",
        "without an end": f"Bearer {backend.signed({'sub': claims['sub'], 'iat': now})}",
        "nobody": f"Bearer {backend.signed({**claims, 'sub': str(backend.draw.uuid())})}",
        "no user": f"Bearer {backend.signed({**claims, 'sub': 'ann'})}",
        "without a user": f"Bearer {backend.signed({'exp': claims['exp']})}",
        "a refresh token": f"Bearer {person.tokens['refresh_token']}",
    }
    answers = [(name, me(backend, value)) for name, value in forged.items()]
    wait_until(received + seconds + 1.1)  # `exp` is in whole seconds
    answers.append(("waited out", me(backend, f"Bearer {passing.tokens['access_token']}")))
    return Forgeries(person, answers)


def me(backend: Backend, authorization: str, process: int = 0) -> Exchange:
    headers = {"Authorization": authorization} if authorization else {}
    return backend.service.client(process=process).get(ME, headers=headers)


@then("each is refused with a challenge")
def each_is_refused_with_a_challenge(forgeries: Forgeries) -> None:
    for name, answer in forgeries.answers:
        is_unauthenticated(answer, f"a token is refused that is forged or over: {name}")


@then("the true ones work at each process, also after it was killed")
def the_true_ones_work_at_each_process(backend: Backend, forgeries: Forgeries) -> None:
    bearer = forgeries.person.headers["Authorization"]
    backend.service.web.kill()
    backend.service.web.restart()
    wait_until_ready(backend.service.web)
    for process in (0, 1):
        answer = me(backend, bearer, process)
        expect(answer.status == OK, expected="200", got=describe_answer(answer))


@dataclass(frozen=True)
class Uses:
    """What became of refresh tokens."""

    person: Person
    chain: list[Exchange]
    reused: list[Exchange]
    at_once: Sequence[Exchange]
    after: list[Exchange]
    over: Exchange


@when("refresh tokens are used, used again, used twenty times at once, and waited out", target_fixture="uses")
def refresh_tokens_are_used(backend: Backend, seconds: int) -> Uses:
    person = backend.log_in(backend.register())
    other_login = backend.log_in(person)
    passing = backend.log_in(person, process=1)
    received = time.monotonic()
    chain = [refreshed(backend, person.tokens)]
    backend.service.web.kill()
    backend.service.web.restart()
    wait_until_ready(backend.service.web)
    chain.append(refreshed(backend, as_object(chain[-1])))
    chain.append(refreshed(backend, as_object(chain[-1])))
    # The second-last one again, then the last, which nobody has used.
    reused = [refreshed(backend, as_object(chain[-2])), refreshed(backend, as_object(chain[-1]))]
    chain.append(refreshed(backend, other_login.tokens))  # another login's are not ended
    crowd = backend.log_in(person)
    body = json.dumps({"refresh_token": crowd.tokens["refresh_token"]}).encode()
    request = Request("POST", f"{AUTH}/refresh", {"Content-Type": "application/json"}, body)
    at_once = backend.service.burst([request] * AT_ONCE)
    won = [as_object(answer) for answer in at_once if answer.status == OK]
    after = [refreshed(backend, tokens) for tokens in won]
    if time.monotonic() < received + 0.1:
        raise Inconclusive("the clock stands still")
    wait_until(received + seconds + 0.1)
    return Uses(person, chain, reused, at_once, after, refreshed(backend, passing.tokens))


def refreshed(backend: Backend, tokens: Json) -> Exchange:
    return backend.post(f"{AUTH}/refresh", {"refresh_token": tokens.get("refresh_token")})


@then("each first use gives new tokens, and a second one ends all that came of the login")
def each_first_use_gives_new_tokens(backend: Backend, uses: Uses) -> None:
    seen = set()
    for answer in uses.chain:
        expect(answer.status == OK, expected="200", got=describe_answer(answer))
        tokens = as_object(answer)
        seen.add(tokens.get("refresh_token"))
        sub = claims_of(tokens.get("access_token")).get("sub")
        expect(sub == uses.person.id, expected=f"sub {uses.person.id}", got=sub, answer=answer)
        answered = me(backend, f"Bearer {tokens.get('access_token')}")
        expect(answered.status == OK, expected="200 with the new access token", got=describe_answer(answered))
    expect(len(seen) == len(uses.chain), expected="a new refresh token each time", got=len(seen))
    for answer in uses.reused:
        is_unauthenticated(answer, "a refresh token that is used again ends all that came of its login")
    for unknown in ("", backend.draw.text(43)):
        answer = backend.post(f"{AUTH}/refresh", {"refresh_token": unknown})
        expect(answer.status in {401, 422}, expected="401 or 422", got=describe_answer(answer))


@then("of twenty at once one succeeds")
def of_twenty_at_once_one_succeeds(uses: Uses) -> None:
    statuses = sorted(answer.status for answer in uses.at_once)
    wanted = [OK] + [401] * (AT_ONCE - 1)
    expect(statuses == wanted, expected="one 200 and 19 times 401", got=statuses)
    for answer in uses.after:
        is_unauthenticated(answer, "a refresh token that is used again ends all that came of its login")


@then("what is over is refused")
def what_is_over_is_refused(uses: Uses) -> None:
    is_unauthenticated(uses.over, "a refresh token is good for REFRESH_SECONDS")
