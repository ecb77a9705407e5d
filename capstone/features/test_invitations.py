"""Steps of invitations.feature."""

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
)

from .saas import (
    API,
    CREATED,
    INVALID,
    JSON,
    MISSING,
    NO_CONTENT,
    OK,
    Home,
    Json,
    Person,
    Site,
    bare,
    made,
    mails_to,
    objects,
)

CROWD = 6

scenarios("invitations.feature")


def invited(home: Home, email: str, role: str = "member") -> Exchange:
    return home.http.request("POST", f"{home.path}/invitations", json={"email": email, "role": role})


def offers(person: Person) -> list[Json]:
    answer = person.http.get(f"{API}/me/invitations")
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    return objects(as_object(answer).get("items"))


def accept(person: Person, invitation: object) -> Exchange:
    return person.http.request("POST", f"{API}/me/invitations/{invitation}/accept")


@dataclass(frozen=True)
class Offered:
    """Somebody's invitation, what they see of it, and what comes of taking it."""

    person: Person
    made: Json
    role: str
    seen: list[Json]
    taken: list[Exchange]
    seen_after: list[Json]


@dataclass(frozen=True)
class Looked:
    """What those saw who were invited, and what a stranger saw."""

    offers: list[Offered]
    listed: list[Json]
    stranger: tuple[list[Json], Exchange, Exchange]
    left: list[Json]
    members: list[Json]


@when(
    "addresses are invited that have an account and that have none, and a stranger looks at them",
    target_fixture="looked",
)
def addresses_are_invited(site: Site, home: Home) -> Looked:
    known, email, password = site.person(), site.email(), site.password()
    stranger = site.home()
    roles = site.draw.shuffle(["member", "admin"])
    forms = [site.draw.choice([text, text.upper()]) for text in (known.email, email)]
    invitations = [made(invited(home, form, role)) for form, role in zip(forms, roles, strict=True)]
    listed = objects(as_object(home.http.get(f"{home.path}/invitations")).get("items"))
    first = invitations[0]["id"]
    look = offers(stranger.person), accept(stranger.person, first), accept(stranger.person, site.draw.uuid())
    account = made(site.account(site.admit(email), password))
    new = site.signed_in(email, password, str(account["id"]), as_object(site.login(email, password)))
    found = []
    for person, invitation, role in zip((known, new), invitations, roles, strict=True):
        seen = offers(person)
        request = Request(
            "POST", f"{API}/me/invitations/{invitation['id']}/accept", {**JSON, **person.authorization}
        )
        taken = site.service.burst([request] * CROWD)
        found.append(Offered(person, invitation, role, seen, taken, offers(person)))
    left = objects(as_object(home.http.get(f"{home.path}/invitations")).get("items"))
    members = objects(as_object(home.http.get(f"{home.path}/members")).get("items"))
    return Looked(found, listed, look, left, members)


@then("only whoever has the address sees it, and takes it once")
def only_whoever_has_the_address_sees_it(home: Home, looked: Looked) -> None:
    seen, theirs, nobodys = looked.stranger
    expect(seen == [], expected="no invitation for a stranger", got=seen)
    is_problem(theirs, MISSING, "an invitation is for its address")
    expect(bare(theirs) == bare(nobodys), expected=str(bare(nobodys)), got=bare(theirs))
    wanted = [(one.person.email, one.role) for one in looked.offers][::-1]
    got = [(item.get("email"), item.get("role")) for item in looked.listed]
    expect(got == wanted, expected=f"{wanted}, the newest first", got=looked.listed)
    expect(looked.left == [], expected="no invitation that is taken", got=looked.left)
    for one in looked.offers:
        expect(len(one.seen) == 1, expected="their invitation", got=one.seen)
        item = one.seen[0]
        organisation = item.get("organisation")
        right = item.get("id") == one.made["id"] and item.get("role") == one.role
        expect(right, expected=f"{one.made['id']} as {one.role}", got=item)
        is_there = isinstance(organisation, dict) and organisation.get("id") == home.id
        expect(is_there, expected=f"of organisation {home.id}", got=item)
        statuses = sorted(answer.status for answer in one.taken)
        once = [OK, *[MISSING] * (CROWD - 1)]
        expect(statuses == once, expected=f"one 200, {CROWD - 1} times 404", got=statuses)
        expect(one.seen_after == [], expected="none left", got=one.seen_after)
    roles = {member.get("email"): member.get("role") for member in looked.members}
    wanted_roles = {one.person.email: one.role for one in looked.offers} | {home.person.email: "owner"}
    expect(roles == wanted_roles, expected=str(wanted_roles), got=roles)


@dataclass(frozen=True)
class Voided:
    """Attempts to take what is void, and the one that is not."""

    void: dict[str, Exchange]
    good: Exchange
    again: Exchange
    foreign: Exchange


@when(
    "invitations are revoked, replaced, outlive the rights of who has invited, and expire",
    target_fixture="voided",
)
def invitations_are_void(site: Site, home: Home) -> Voided:
    seconds = float(site.settings["INVITATION_SECONDS"])
    people = [site.person() for _ in range(4)]
    inviter, other = site.member(home, "admin"), site.home()
    revoked = made(invited(home, people[0].email))
    path = f"{home.path}/invitations/{revoked['id']}"
    foreign = other.http.request("DELETE", f"{other.path}/invitations/{revoked['id']}")
    out = home.http.request("DELETE", path)
    expect(out.status == NO_CONTENT, expected="204", got=describe_answer(out))
    replaced = made(invited(home, people[1].email, "admin"))
    present = invited(home, people[1].email, "member")
    late_from = made(invited(inviter, people[2].email))
    home.http.request("PATCH", f"{home.path}/members/{inviter.person.id}", json={"role": "member"})
    void = {
        "revoked": accept(people[0], revoked["id"]),
        "replaced": accept(people[1], replaced["id"]),
        "of somebody who may not invite any more": accept(people[2], late_from["id"]),
    }
    good = accept(people[1], made(present)["id"])
    if good.received > present.sent + seconds:
        raise Inconclusive("the invitation had expired before it was taken")
    again = invited(home, people[1].email)
    expiring = invited(home, people[3].email)
    wait_until(expiring.received + seconds + 0.2)
    void["expired"] = accept(people[3], made(expiring)["id"])
    return Voided(void, good, again, foreign)


@then("none of them can be taken, and the new one can")
def none_of_them_can_be_taken(voided: Voided) -> None:
    for what, answer in voided.void.items():
        is_problem(answer, MISSING, f"an invitation that is {what}")
    is_problem(voided.foreign, MISSING, "another organisation's is as if it did not exist")
    expect(voided.good.status == OK, expected="200", got=describe_answer(voided.good))
    role = as_object(voided.good).get("role")
    expect(role == "member", expected="the role of the new one", got=role)
    is_problem(voided.again, INVALID, "a member is not invited")


@when("an address that has an account is invited, and one that has none", target_fixture="both")
def two_are_invited(site: Site, home: Home) -> list[tuple[str, Exchange, str]]:
    name = site.draw.word()
    home.http.request("PATCH", home.path, json={"name": name})
    emails = [site.person().email, site.email()]
    answers = [invited(home, email) for email in emails]
    texts = [mails_to(site, email)[0].text for email in emails]
    for text in texts:
        expect(name in text, expected=f"{name} in the mail", got=text)
    return list(zip(emails, answers, texts, strict=True))


@then("both answers and both mails are alike")
def both_are_alike(both: list[tuple[str, Exchange, str]]) -> None:
    for email, answer, _ in both:
        expect(answer.status == CREATED, expected="201", got=describe_answer(answer))
        expect(as_object(answer).get("email") == email, expected=email, got=answer.text)
    documents = [set(as_object(answer)) for _, answer, _ in both]
    expect(documents[0] == documents[1], expected=str(documents[0]), got=documents[1])
    texts = [text for _, __, text in both]
    expect(texts[0] == texts[1], expected=texts[0], got=texts[1])
