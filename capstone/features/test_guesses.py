"""Steps of guesses.feature."""

from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Inconclusive, describe_answer, expect, is_problem, wait_until

from .saas import API, FORBIDDEN, LIMITED, OK, UNAUTHENTICATED, Person, Site, credentials, posted, retry_after

UNAVAILABLE = 503

scenarios("guesses.feature")


def from_somewhere(site: Site) -> dict[str, str]:
    return {"X-Forwarded-For": site.draw.address()}


def guess(site: Site, email: str, password: str = "", *, process: int = 0) -> Exchange:
    return site.guess(email, password or site.password(), from_somewhere(site), process=process)


@dataclass(frozen=True)
class Lock:
    """What was answered until a lock, while it lasted, and behind it."""

    until: list[Exchange]
    refused: list[Exchange]
    behind: Exchange
    seconds: float


def locks(site: Site, email: str, password: str) -> list[Lock]:
    """Fail until an account is locked, again and again, and look at each lock from a stranger's address."""
    first, longest = float(site.settings["LOCK_SECONDS"]), float(site.settings["LONGEST_LOCK_SECONDS"])
    failures = int(site.settings["LOGIN_FAILURES"])
    until = [guess(site, email, process=number % 2) for number in range(failures)]
    found: list[Lock] = []
    for seconds in (first, min(2 * first, longest), longest):
        refused = [guess(site, email, process=1), guess(site, email, password)]
        wait_until(until[-1].sent + seconds - 0.15)
        late = guess(site, email)
        if late.received < until[-1].sent + seconds:
            refused.append(late)
        elif late.status != LIMITED:
            raise Inconclusive("the machine was too slow to look at the end of a lock")
        wait_until(until[-1].received + seconds + 0.05)
        behind = guess(site, email, process=site.draw.choice([0, 1]))
        found.append(Lock(until, refused, behind, seconds))
        until = [behind]
    return found


@when("strangers guess at an account, and at an address that has none", target_fixture="locked")
def strangers_guess(site: Site) -> tuple[list[list[Lock]], Exchange, list[int]]:
    person = site.person()
    both = [locks(site, email, person.password) for email in site.draw.shuffle([person.email, site.email()])]
    fresh = site.person()
    failures = int(site.settings["LOGIN_FAILURES"])
    for _ in range(failures - 1):
        guess(site, fresh.email)
    elsewhere = guess(site, fresh.email, fresh.password)
    after = [guess(site, fresh.email).status for _ in range(failures)]
    return both, elsewhere, after


@then("both are locked in every process, for twice as long after each further failure")
def both_are_locked(site: Site, locked: tuple[list[list[Lock]], Exchange, list[int]]) -> None:
    both, right, after = locked
    for found in both:
        for number, lock in enumerate(found, 1):
            for answer in (*lock.until, lock.behind):
                is_problem(answer, UNAUTHENTICATED, f"what comes before lock {number}, and behind it")
            for answer in lock.refused:
                is_problem(answer, LIMITED, f"lock {number} of {lock.seconds:g} s refuses every guess")
            left = lock.until[-1].received + lock.seconds - lock.refused[0].sent
            told = retry_after(lock.refused[0])
            expect(left - 1 < told < left + 1.1, expected=f"Retry-After: {left:.1f}", got=told, timing=True)
    expect(right.status == OK, expected="200 before the last failure", got=describe_answer(right))
    wanted = [UNAUTHENTICATED] * int(site.settings["LOGIN_FAILURES"])
    # A success has ended the count of the strangers' guesses.
    expect(after == wanted, expected=f"{wanted} after a success", got=after)


@when("many guess at the same instant", target_fixture="answers")
def many_guess(site: Site, person: Person) -> list[Exchange]:
    many = 4 * int(site.settings["LOGIN_FAILURES"])
    return site.service.burst(
        posted("/auth/login", credentials(person.email, site.password()), from_somewhere(site))
        for _ in range(many)
    )


@then("no more are looked at than may fail")
def no_more_are_looked_at(site: Site, answers: list[Exchange]) -> None:
    limit, seconds = int(site.settings["LOGIN_FAILURES"]), float(site.settings["LOCK_SECONDS"])
    took = max(one.received for one in answers) - min(one.sent for one in answers)
    # An overloaded machine's 503 is no look at a password.
    looked_at = [answer for answer in answers if answer.status not in {LIMITED, UNAVAILABLE}]
    # Behind each lock one more is looked at.
    most = limit + int(took / seconds)
    expect(len(looked_at) <= most, expected=f"{most} at most", got=f"{len(looked_at)}")
    if took > seconds:
        raise Inconclusive("a lock was over before all had been answered")
    expect(len(looked_at) == limit, expected=f"{limit} that are looked at", got=f"{len(looked_at)}")
    for answer in looked_at:
        is_problem(answer, UNAUTHENTICATED)


@dataclass(frozen=True)
class Kept:
    """What the owner of a locked account gets, and what others get."""

    live: Exchange
    owner: Exchange
    elsewhere: Exchange
    guessed: list[Exchange]
    locked_at: float


@when("strangers lock the account of somebody who is signed in", target_fixture="kept")
def strangers_lock_it(site: Site) -> Kept:
    owner, place = site.person(), from_somewhere(site)
    first = site.guess(owner.email, owner.password, place)
    expect(first.status == OK, expected="200", got=describe_answer(first))
    failures = int(site.settings["LOGIN_FAILURES"])
    strangers = [guess(site, owner.email) for _ in range(failures)]
    live = owner.http.get(f"{API}/me")
    again = site.guess(owner.email, owner.password, place)
    elsewhere = guess(site, owner.email, owner.password)
    at_home = site.service.client({**owner.authorization, **place})
    guessed = []
    for number in range(failures + 1):
        if number % 2:
            body = {"current_password": site.password(), "password": site.password()}
            guessed.append(at_home.request("PUT", f"{API}/me/password", json=body))
        else:
            guessed.append(site.guess(owner.email, site.password(), place))
    return Kept(live, again, elsewhere, guessed, strangers[-1].sent)


@then("the owner gets in from where they were, nobody else does, and there guesses are counted, too")
def the_owner_gets_in(site: Site, kept: Kept) -> None:
    seconds = float(site.settings["LOCK_SECONDS"])
    if kept.elsewhere.received > kept.locked_at + seconds:
        raise Inconclusive("the lock was over before it was looked at")
    expect(kept.live.status == OK, expected="200: a lock ends no login", got=describe_answer(kept.live))
    expect(kept.owner.status == OK, expected="200 from there", got=describe_answer(kept.owner))
    is_problem(kept.elsewhere, LIMITED, "nobody gets in from elsewhere")
    *failed, last = kept.guessed
    for answer in failed:
        right = answer.status in {UNAUTHENTICATED, FORBIDDEN}
        expect(right, expected="401 or 403 for a wrong password", got=describe_answer(answer), timing=True)
    if last.received > failed[-1].sent + seconds:
        raise Inconclusive("the lock was over before it was looked at")
    is_problem(last, LIMITED, "guesses at the current password are counted, too")
