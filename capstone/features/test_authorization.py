"""Steps of authorization.feature: the operations are those of the service's own document."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pytest_bdd import scenarios, then, when

from kata.steps import Client, Exchange, as_object, describe_answer, expect, wait_until

from .conftest import TOKEN_SECONDS
from .saas import API, FORBIDDEN, MISSING, OK, UNAUTHENTICATED, Home, Json, Person, Site, bare, made
from .senders import send, source
from .uploads import stored

ORGANISATION = f"{API}/organisations/{{organisation_id}}"
METHODS = {"get", "post", "put", "patch", "delete"}

scenarios("authorization.feature")


class Door(Enum):
    """Whom an operation is for."""

    ANYBODY = "anybody"
    PEOPLE = "whoever is signed in"
    MEMBERS = "members"
    ADMINS = "admins"
    OPERATOR = "the operator"


@dataclass(frozen=True)
class Operation:
    """Whom an operation is for, which scope reaches it, and a body that is right."""

    door: Door
    scope: str = ""
    body: Json | None = None
    query: str = ""


def organisation(path: str) -> str:
    return f"{ORGANISATION}{path}"


WORD = {"name": "x"}
TABLE: Mapping[tuple[str, str], Operation] = {
    ("POST", f"{API}/auth/register"): Operation(Door.ANYBODY),
    ("POST", f"{API}/auth/accounts"): Operation(Door.ANYBODY),
    ("POST", f"{API}/auth/login"): Operation(Door.ANYBODY),
    ("POST", f"{API}/auth/refresh"): Operation(Door.ANYBODY),
    ("POST", f"{API}/auth/password/forgot"): Operation(Door.ANYBODY),
    ("POST", f"{API}/auth/password/reset"): Operation(Door.ANYBODY),
    ("POST", f"{API}/auth/logout"): Operation(Door.PEOPLE),
    ("GET", f"{API}/me"): Operation(Door.PEOPLE),
    ("PUT", f"{API}/me/password"): Operation(
        Door.PEOPLE, body={"current_password": "x", "password": "too short"}
    ),
    ("GET", f"{API}/me/sessions"): Operation(Door.PEOPLE),
    ("DELETE", f"{API}/me/sessions"): Operation(Door.PEOPLE),
    ("DELETE", f"{API}/me/sessions/{{session_id}}"): Operation(Door.PEOPLE),
    ("GET", f"{API}/me/invitations"): Operation(Door.PEOPLE),
    ("POST", f"{API}/me/invitations/{{invitation_id}}/accept"): Operation(Door.PEOPLE),
    ("GET", f"{API}/organisations"): Operation(Door.PEOPLE),
    ("POST", f"{API}/organisations"): Operation(Door.PEOPLE, body=WORD),
    ("GET", ORGANISATION): Operation(Door.MEMBERS),
    ("PATCH", ORGANISATION): Operation(Door.ADMINS, body=WORD),
    ("GET", organisation("/members")): Operation(Door.MEMBERS),
    ("PATCH", organisation("/members/{user_id}")): Operation(Door.ADMINS, body={"role": "member"}),
    ("DELETE", organisation("/members/{user_id}")): Operation(Door.ADMINS),
    ("GET", organisation("/invitations")): Operation(Door.ADMINS),
    ("POST", organisation("/invitations")): Operation(
        Door.ADMINS, body={"email": "a@b.example", "role": "member"}
    ),
    ("DELETE", organisation("/invitations/{invitation_id}")): Operation(Door.ADMINS),
    ("GET", organisation("/keys")): Operation(Door.ADMINS),
    ("POST", organisation("/keys")): Operation(Door.ADMINS, body={"name": "x", "scopes": ["jobs"]}),
    ("DELETE", organisation("/keys/{key_id}")): Operation(Door.ADMINS),
    ("GET", organisation("/projects")): Operation(Door.MEMBERS, "projects:read"),
    ("POST", organisation("/projects")): Operation(Door.MEMBERS, "projects:write", WORD),
    ("GET", organisation("/projects/{project_id}")): Operation(Door.MEMBERS, "projects:read"),
    ("PATCH", organisation("/projects/{project_id}")): Operation(Door.MEMBERS, "projects:write", WORD),
    ("DELETE", organisation("/projects/{project_id}")): Operation(Door.MEMBERS, "projects:write"),
    ("POST", organisation("/projects/{project_id}/actions/{name}")): Operation(
        Door.MEMBERS, "projects:write", {"destination": "http://x.example/"}
    ),
    ("GET", organisation("/jobs")): Operation(Door.MEMBERS, "jobs:read"),
    ("GET", organisation("/jobs/{job_id}")): Operation(Door.MEMBERS, "jobs:read"),
    ("POST", organisation("/jobs/{job_id}/retry")): Operation(Door.ADMINS, "jobs:write"),
    ("POST", organisation("/jobs/{job_id}/cancel")): Operation(Door.ADMINS, "jobs:write"),
    ("GET", organisation("/flags")): Operation(Door.MEMBERS),
    ("GET", organisation("/exports/projects")): Operation(Door.MEMBERS, "projects:read"),
    ("GET", organisation("/files")): Operation(Door.MEMBERS, "files:read"),
    ("POST", organisation("/files")): Operation(Door.MEMBERS, "files:write", {"name": "x", "size_bytes": 1}),
    ("GET", organisation("/files/{file_id}")): Operation(Door.MEMBERS, "files:read"),
    ("DELETE", organisation("/files/{file_id}")): Operation(Door.MEMBERS, "files:write"),
    ("PUT", f"{API}/uploads/{{tenant_id}}/{{file_id}}"): Operation(Door.ANYBODY),
    ("GET", f"{API}/downloads/{{tenant_id}}/{{file_id}}"): Operation(Door.ANYBODY),
    ("GET", organisation("/endpoints")): Operation(Door.ADMINS, "webhooks:read"),
    ("POST", organisation("/endpoints")): Operation(
        Door.ADMINS, "webhooks:write", {"url": "http://x.example/"}
    ),
    ("GET", organisation("/endpoints/{endpoint_id}")): Operation(Door.ADMINS, "webhooks:read"),
    ("PATCH", organisation("/endpoints/{endpoint_id}")): Operation(
        Door.ADMINS, "webhooks:write", {"is_ordered": True}
    ),
    ("DELETE", organisation("/endpoints/{endpoint_id}")): Operation(Door.ADMINS, "webhooks:write"),
    ("POST", organisation("/endpoints/{endpoint_id}/rotate-secret")): Operation(
        Door.ADMINS, "webhooks:write"
    ),
    ("POST", organisation("/endpoints/{endpoint_id}/enable")): Operation(Door.ADMINS, "webhooks:write"),
    ("POST", organisation("/endpoints/{endpoint_id}/test")): Operation(Door.ADMINS, "webhooks:write"),
    ("POST", organisation("/endpoints/{endpoint_id}/recover")): Operation(
        Door.ADMINS, "webhooks:write", query="?since=2026-01-01T00:00:00Z"
    ),
    ("GET", organisation("/deliveries")): Operation(Door.ADMINS, "webhooks:read"),
    ("GET", organisation("/deliveries/{delivery_id}")): Operation(Door.ADMINS, "webhooks:read"),
    ("POST", organisation("/deliveries/{delivery_id}/resend")): Operation(Door.ADMINS, "webhooks:write"),
    ("POST", f"{API}/hooks/{{source_id}}"): Operation(Door.ANYBODY),
    ("GET", organisation("/sources")): Operation(Door.ADMINS, "webhooks:read"),
    ("POST", organisation("/sources")): Operation(Door.ADMINS, "webhooks:write", WORD),
    ("PATCH", organisation("/sources/{source_id}")): Operation(Door.ADMINS, "webhooks:write", WORD),
    ("DELETE", organisation("/sources/{source_id}")): Operation(Door.ADMINS, "webhooks:write"),
    ("GET", organisation("/inbox")): Operation(Door.ADMINS, "webhooks:read"),
    ("GET", organisation("/inbox/{inbox_id}")): Operation(Door.ADMINS, "webhooks:read"),
    ("POST", organisation("/inbox/{inbox_id}/replay")): Operation(Door.ADMINS, "webhooks:write"),
    ("GET", organisation("/audit")): Operation(Door.ADMINS),
    ("GET", organisation("/audit/checkpoint")): Operation(Door.ADMINS),
    ("GET", organisation("/audit/export")): Operation(Door.ADMINS),
    ("GET", organisation("/audit/verify")): Operation(Door.ADMINS),
    ("GET", f"{API}/audit/key"): Operation(Door.ANYBODY),
    ("PUT", f"{API}/admin/flags/{{key}}"): Operation(Door.OPERATOR, body={"is_on": False}),
    ("POST", f"{API}/admin/accounts"): Operation(Door.OPERATOR, body={"email": "no address"}),
}
ENDS = {("POST", f"{API}/auth/logout"), ("DELETE", f"{API}/me/sessions")}
"""What ends logins: it is asked for last, each time with a login of its own."""
PEOPLE = ("stranger", "member", "admin", "owner")
NOBODY = ("none", "expired", "revoked", "garbled")
KEYS: Mapping[str, list[str]] = {
    "key of all": ["projects", "jobs", "webhooks", "files"],
    "key of projects": ["projects:read"],
    "key of jobs": ["jobs:write"],
}


@dataclass(frozen=True)
class Asked:
    """Who has asked for what, and the answer."""

    who: str
    method: str
    path: str
    answer: Exchange


def documented(site: Site) -> list[tuple[str, str]]:
    """Return the operations that the service describes, without those that every service has."""
    document = as_object(site.service.client().get("/openapi.json"))
    paths = document.get("paths")
    found = paths.items() if isinstance(paths, dict) else []
    return [
        (method.upper(), re.sub(r"\{([a-z_]+):[a-z]+\}", r"{\1}", path))
        for path, operations in found
        for method in operations
        if method in METHODS and path.startswith(f"{API}/")
    ]


def concrete(site: Site, path: str, ids: Mapping[str, object]) -> str:
    """Put ids into a path, and for each that is not given one that does not exist."""
    known = {"name": "publish", "key": "of-nothing", **ids}
    return re.sub(r"\{([a-z_]+)\}", lambda found: str(known.get(found[1], site.draw.uuid())), path)


class Callers:
    """Everybody who may come: people with and without a role, credentials that count no more, API keys."""

    def __init__(self, site: Site, home: Home) -> None:
        self.site = site
        self.people: dict[str, Person] = {
            "stranger": site.home().person,
            "member": site.member(home, "member").person,
            "admin": site.member(home, "admin").person,
            "owner": home.person,
        }
        revoked = site.member(home, "owner").person
        revoked.http.request("POST", f"{API}/auth/logout")
        expiring = site.guess(home.person.email, home.person.password, process=1)
        wait_until(expiring.received + TOKEN_SECONDS + 1.1)
        token = str(home.person.tokens["access_token"])
        self.bearers: dict[str, str] = {
            "expired": str(as_object(expiring)["access_token"]),
            "revoked": str(revoked.tokens["access_token"]),
            "garbled": token[:-4] + token[-4:][::-1] + "x",
            "operator": site.settings["OPERATOR_TOKEN"],
        }
        for who, scopes in KEYS.items():
            body = {"name": who, "scopes": scopes}
            self.bearers[who] = str(made(home.http.request("POST", f"{home.path}/keys", json=body))["key"])

    def client(self, who: str, *, anew: bool) -> Client:
        """Return a client of theirs, with a login of its own if it is to be `anew`."""
        if who == "none":
            return self.site.service.client()
        if who in self.people:
            person = self.people[who]
            tokens = as_object(self.site.login(person.email, person.password)) if anew else person.tokens
            token = str(tokens["access_token"])
        else:
            token = self.bearers[who]
        return self.site.service.client({"Authorization": f"Bearer {token}"})


@when("everybody asks for each operation of the OpenAPI document", target_fixture="asked")
def everybody_asks(site: Site, home: Home) -> list[Asked]:
    operations = documented(site)
    missing, unknown = TABLE.keys() - set(operations), set(operations) - TABLE.keys()
    expect(not missing, expected="all operations of the contract in the document", got=sorted(missing))
    expect(not unknown, expected="no operation that nobody has judged", got=sorted(unknown))
    callers = Callers(site, home)
    whose = [*PEOPLE, *KEYS, *NOBODY, "operator"]
    clients = {who: callers.client(who, anew=False) for who in whose}
    asked = []
    for operation in sorted(site.draw.shuffle(operations), key=ENDS.__contains__):
        if TABLE[operation].door is Door.ANYBODY:
            continue
        for who in site.draw.shuffle(whose):
            client = callers.client(who, anew=True) if operation in ENDS else clients[who]
            asked.append(ask(site, home, client, who, operation))
    return asked


def ask(site: Site, home: Home, client: Client, who: str, operation: tuple[str, str]) -> Asked:
    method, template = operation
    path, known = concrete(site, template, {"organisation_id": home.id}), TABLE[operation]
    answer = client.request(method, path + known.query, json=known.body)
    return Asked(who, method, template, answer)


def refusal(who: str, operation: Operation) -> tuple[int, str] | None:
    """Say how somebody is refused, by status and code; None if they are let in."""
    door = operation.door
    if door is Door.OPERATOR:
        return None if who == "operator" else (UNAUTHENTICATED, "")
    if who in NOBODY or who == "operator":
        return UNAUTHENTICATED, ""
    if who in KEYS:
        reached = any(
            operation.scope == scope or operation.scope.startswith(f"{scope}:") for scope in KEYS[who]
        )
        return None if reached else (FORBIDDEN, "insufficient_scope")
    if door is Door.PEOPLE:
        return None
    if who == "stranger":
        return MISSING, ""
    return (FORBIDDEN, "forbidden") if door is Door.ADMINS and who == "member" else None


@then("each is answered as the table of who may what says")
def each_is_answered_as_the_table_says(asked: list[Asked]) -> None:
    for one in asked:
        operation = TABLE[one.method, one.path]
        wanted = refusal(one.who, operation)
        what = f"{one.method} {one.path}, by: {one.who}"
        status = one.answer.status
        code = str(as_object(one.answer).get("code")) if status >= 400 else ""
        if wanted is None:
            # What they name does not exist, or is not acceptable: they were let in to hear it.
            is_in = (status < 500 and status not in {UNAUTHENTICATED, FORBIDDEN}) or code == "feature_off"
            expect(is_in, expected=f"{what}: let in", got=f"{describe_answer(one.answer)} {code}")
        else:
            right = status == wanted[0] and wanted[1] in {"", code}
            got = f"{describe_answer(one.answer)} {code}"
            expect(right, expected=f"{what}: {wanted[0]} {wanted[1]}", got=got)
        if status == UNAUTHENTICATED:
            challenge = one.answer.header("www-authenticate") or ""
            expect("Bearer" in challenge, expected=f"{what}: WWW-Authenticate", got=challenge)
    expect(OK in {one.answer.status for one in asked}, expected="somebody who is let in", got="nobody")


def ids_of(site: Site, home: Home) -> dict[str, object]:
    """Make one of each thing that an organisation has, and return their ids."""
    site.switch(is_on=True, organisation=home.id)
    project = home.project(site.draw.word())
    job = as_object(home.act(project, f"http://{site.draw.word()}.example.com/"))
    key = {"name": site.draw.word(), "scopes": ["jobs"]}
    invitation = {"email": site.email(), "role": "member"}
    hook = {"url": f"http://{site.draw.word()}.example.com/"}
    endpoint = made(home.http.request("POST", f"{home.path}/endpoints", json=hook))["id"]
    sender = source(site, home)
    taken = as_object(send(site.service.client(), sender, "msg_1", b"{}"))
    sent = as_object(home.http.request("POST", f"{home.path}/endpoints/{endpoint}/test"))
    return {
        "organisation_id": home.id,
        "user_id": site.member(home, "member").person.id,
        "project_id": project["id"],
        "endpoint_id": endpoint,
        "delivery_id": sent["id"],
        "source_id": sender.id,
        "inbox_id": taken["id"],
        "job_id": job["id"],
        "file_id": stored(home, b"text").id,
        "key_id": made(home.http.request("POST", f"{home.path}/keys", json=key))["id"],
        "invitation_id": made(home.http.request("POST", f"{home.path}/invitations", json=invitation))["id"],
    }


@when("an owner asks for each operation with another organisation's ids", target_fixture="pairs")
def an_owner_asks_with_other_ids(site: Site, home: Home) -> list[tuple[Exchange, Exchange]]:
    theirs, stranger = ids_of(site, home), site.home()
    pairs = []
    for method, template in site.draw.shuffle(documented(site)):
        operation = TABLE.get((method, template))
        if operation is None or operation.door not in {Door.MEMBERS, Door.ADMINS}:
            continue
        # Their organisation, and theirs of each other thing in one's own.
        for name in re.findall(r"\{([a-z_]+_id)\}", template):
            own = {"organisation_id": stranger.id} if name != "organisation_id" else {}
            one, other = (
                stranger.http.request(
                    method, concrete(site, template, own | given) + operation.query, json=operation.body
                )
                for given in ({name: theirs[name]}, {})
            )
            pairs.append((one, other))
    return pairs


@then("each answer is that for an id that does not exist")
def each_answer_is_that_for_no_id(pairs: list[tuple[Exchange, Exchange]]) -> None:
    for one, other in pairs:
        expect(one.status == MISSING, expected=f"404 from {one.asked}", got=describe_answer(one))
        expect(bare(one) == bare(other), expected=str(bare(other)), got=bare(one), answer=one)
