"""Steps of audit.feature."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pytest_bdd import scenarios, then, when

from kata.steps import (
    CallbackServer,
    Client,
    Exchange,
    Reply,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .saas import (
    API,
    CONFLICT,
    FORBIDDEN,
    INVALID,
    JSON,
    MISSING,
    OK,
    STALE,
    Home,
    Json,
    Site,
    made,
)
from .trail import (
    entries_of,
    export_of,
    followed,
)
from .uploads import stored

ROLE = "capstone_app"
MANY = 12
CLOCKS = timedelta(seconds=5)

scenarios("audit.feature")


@dataclass(frozen=True)
class Deed:
    """What an entry is to say."""

    action: str
    target: str
    actor: Mapping[str, object]


class Deeds:
    """Does things, and remembers what the trail is to say of them."""

    def __init__(self, site: Site, home: Home) -> None:
        self.site = site
        self.began = datetime.now(UTC)
        self.people: list[str] = []
        self.wanted = [Deed("organisation.created", home.id, user(home))]

    def do(self, home: Home, method: str, path: str, body: Json | None = None) -> Exchange:
        answer = home.http.request(method, home.path + path, json=body)
        expect(answer.status // 100 == 2, expected="success", got=f"{describe_answer(answer)} {path}")
        return answer

    def note(self, action: str, target: object, actor: Mapping[str, object]) -> None:
        self.wanted.append(Deed(action, str(target), actor))

    def refused(self, client: Client, method: str, path: str, body: Json | None, status: int) -> None:
        is_problem(client.request(method, path, json=body), status)


def user(home: Home, key_id: object = None) -> Mapping[str, object]:
    return {"type": "user", "id": home.person.id, "key_id": key_id}


@when("people, a key and the operator change what there is, and others are refused", target_fixture="deeds")
def people_change_what_there_is(site: Site, home: Home, sink: CallbackServer) -> Deeds:
    deeds, word = Deeds(site, home), site.draw.word
    owner = user(home)
    colleague = invited(deeds, home, "admin")
    outsider = invited(deeds, home, "member")
    deeds.do(home, "PATCH", "", {"name": word()})
    deeds.note("organisation.renamed", home.id, owner)
    project = change_projects(deeds, colleague, outsider)
    deeds.site.switch(is_on=True, organisation=home.id)
    deeds.note("flag.switched", "publish", {"type": "operator", "id": None, "key_id": None})
    cancel_a_job(deeds, home, colleague, project)
    retry_a_job(deeds, home, colleague, project, sink)
    issue_keys(deeds, home)
    manage_endpoints(deeds, home, sink)
    keep_a_file(deeds, home)
    deeds.do(home, "GET", "/exports/projects")
    deeds.note("projects.exported", home.id, owner)
    deeds.do(home, "PATCH", f"/members/{outsider.person.id}", {"role": "admin"})
    deeds.note("member.changed", outsider.person.id, owner)
    deeds.do(home, "DELETE", f"/members/{outsider.person.id}")
    deeds.note("member.removed", outsider.person.id, owner)
    deeds.refused(outsider.http, "DELETE", f"{home.path}/members/{home.person.id}", None, MISSING)
    return deeds


def invited(deeds: Deeds, home: Home, role: str) -> Home:
    """Have somebody invited twice, the first time in vain, and let them in."""
    person = deeds.site.person()
    deeds.people.append(person.email)
    body = {"email": person.email, "role": role}
    vain = as_object(deeds.do(home, "POST", "/invitations", body))
    deeds.note("invitation.created", vain["id"], user(home))
    deeds.do(home, "DELETE", f"/invitations/{vain['id']}")
    deeds.note("invitation.revoked", vain["id"], user(home))
    deeds.refused(home.http, "DELETE", f"{home.path}/invitations/{vain['id']}", None, MISSING)
    made_ = as_object(deeds.do(home, "POST", "/invitations", body))
    deeds.note("invitation.created", made_["id"], user(home))
    answer = person.http.request("POST", f"{API}/me/invitations/{made_['id']}/accept")
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    member = home.of(person)
    deeds.note("invitation.accepted", made_["id"], user(member))
    return member


def change_projects(deeds: Deeds, admin: Home, member: Home) -> Json:
    draw = deeds.site.draw
    path, name = f"{admin.path}/projects", {"name": draw.word()}
    headers = {"Idempotency-Key": str(draw.uuid())}
    project = made(member.http.request("POST", path, json=name, headers=headers))
    again = member.http.request("POST", path, json=name, headers=headers)
    expect(as_object(again) == project, expected="the same project", got=describe_answer(again))
    deeds.note("project.created", project["id"], user(member))
    deeds.do(admin, "PATCH", f"/projects/{project['id']}", {"description": draw.word()})
    deeds.note("project.changed", project["id"], user(admin))
    stale = {**JSON, "If-Match": '"1"'}
    answer = admin.http.request("PATCH", f"{path}/{project['id']}", json={"name": "x"}, headers=stale)
    is_problem(answer, STALE)
    deeds.refused(admin.http, "POST", path, {"name": ""}, INVALID)
    deeds.refused(member.http, "PATCH", admin.path, {"name": "x"}, FORBIDDEN)
    other = as_object(deeds.do(admin, "POST", "/projects", {"name": draw.word()}))
    deeds.note("project.created", other["id"], user(admin))
    deeds.do(member, "DELETE", f"/projects/{other['id']}")
    deeds.note("project.deleted", other["id"], user(member))
    return project


def cancel_a_job(deeds: Deeds, home: Home, admin: Home, project: Json) -> None:
    """Queue a job while no worker looks, and cancel it."""
    with deeds.site.workers_paused():
        job = as_object(home.act(project, f"http://{deeds.site.draw.word()}.example.com/"))
        deeds.note("job.queued", job["id"], user(home))
        deeds.do(admin, "POST", f"/jobs/{job['id']}/cancel")
        deeds.note("job.cancelled", job["id"], user(admin))
    deeds.refused(home.http, "POST", f"{home.path}/jobs/{job['id']}/retry", None, CONFLICT)


def retry_a_job(deeds: Deeds, home: Home, admin: Home, project: Json, sink: CallbackServer) -> None:
    path = f"/{deeds.site.draw.uuid()}"
    sink.program(path, Reply(500))
    job = as_object(home.act(project, sink.url(path)))
    deeds.note("job.queued", job["id"], user(home))
    home.ended(job)
    deeds.do(admin, "POST", f"/jobs/{job['id']}/retry")
    deeds.note("job.retried", job["id"], user(admin))


def manage_endpoints(deeds: Deeds, home: Home, sink: CallbackServer) -> None:
    path = f"/{deeds.site.draw.uuid()}"
    sink.program(path, Reply())
    endpoint = as_object(deeds.do(home, "POST", "/endpoints", {"url": sink.url(path)}))["id"]
    deeds.note("endpoint.created", endpoint, user(home))
    path = f"/endpoints/{endpoint}"
    for verb, action in (("rotate-secret", "rotated"), ("enable", "enabled"), ("test", "tested")):
        deeds.do(home, "POST", f"{path}/{verb}")
        deeds.note(f"endpoint.{action}", endpoint, user(home))
    deeds.do(home, "POST", f"{path}/recover?since=2026-01-01T00:00:00Z")
    deeds.note("endpoint.recovered", endpoint, user(home))
    deeds.do(home, "PATCH", path, {"is_ordered": True})
    deeds.note("endpoint.changed", endpoint, user(home))
    deeds.do(home, "DELETE", path)
    deeds.note("endpoint.deleted", endpoint, user(home))
    source = as_object(deeds.do(home, "POST", "/sources", {"name": "x"}))["id"]
    deeds.note("source.created", source, user(home))
    deeds.do(home, "PATCH", f"/sources/{source}", {"name": "y"})
    deeds.note("source.changed", source, user(home))
    deeds.do(home, "DELETE", f"/sources/{source}")
    deeds.note("source.deleted", source, user(home))


def keep_a_file(deeds: Deeds, home: Home) -> None:
    file = stored(home, b"text")
    deeds.note("file.stored", file.id, user(home))
    deeds.do(home, "DELETE", f"/files/{file.id}")
    deeds.note("file.deleted", file.id, user(home))


def issue_keys(deeds: Deeds, home: Home) -> None:
    key = as_object(deeds.do(home, "POST", "/keys", {"name": "x", "scopes": ["projects"]}))
    deeds.note("key.created", key["id"], user(home))
    client = deeds.site.service.client({"Authorization": f"Bearer {key['key']}"})
    project = made(client.request("POST", f"{home.path}/projects", json={"name": deeds.site.draw.word()}))
    deeds.note("project.created", project["id"], user(home, key["id"]))
    deeds.do(home, "DELETE", f"/keys/{key['id']}")
    deeds.note("key.revoked", key["id"], user(home))


@then("the trail has an entry for each change, in their order, and no other")
def the_trail_has_an_entry_for_each_change(site: Site, home: Home, deeds: Deeds) -> None:
    entries = entries_of(home, site.draw.integer(2, 9))
    for entry, deed in zip(entries, deeds.wanted, strict=False):
        got = Deed(str(entry.get("action")), str(entry.get("target")), as_mapping(entry.get("actor")))
        expect(got == deed, expected=str(deed), got=entry)
    expect(len(entries) == len(deeds.wanted), expected=f"{len(deeds.wanted)} entries", got=len(entries))
    numbers = [entry.get("seq") for entry in entries]
    expect(numbers == list(range(1, len(entries) + 1)), expected="1, 2, 3 and on", got=numbers)
    lines = export_of(home)
    said = followed(lines)
    told = [email for email in deeds.people if email in "".join(lines)]
    expect(not told, expected="no person's data", got=told)
    for entry, one in zip(entries, said, strict=True):
        shown = {name: entry.get(name) for name in ("seq", "at", "actor", "action", "target", "detail")}
        expect(one == {"tenant": home.id, **shown}, expected=f"{shown} in the export", got=one)
    times = [str(one.get("at")) for one in said]
    right = all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", one) for one in times)
    expect(right and times == sorted(times), expected="times in UTC, with microseconds, in order", got=times)
    first, last = (datetime.fromisoformat(one) for one in (times[0], times[-1]))
    now = datetime.now(UTC)
    is_now = deeds.began - CLOCKS - timedelta(minutes=1) < first and last < now + CLOCKS
    expect(is_now, expected=f"times between {deeds.began} and {now}", got=times, timing=True)


def as_mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


@when("changes are tried while no entry can be written", target_fixture="answers")
def changes_are_tried(site: Site, home: Home) -> tuple[list[Exchange], list[object], list[object]]:
    site.switch(is_on=True)
    project = home.project(site.draw.word())
    action = f"/projects/{project['id']}/actions/publish"
    member = site.member(home, "member").person.id
    tries: Sequence[tuple[str, str, Json | None]] = [
        ("POST", "/projects", {"name": site.draw.word()}),
        ("PATCH", f"/projects/{project['id']}", {"name": site.draw.word()}),
        ("DELETE", f"/projects/{project['id']}", None),
        ("POST", action, {"destination": f"http://{site.draw.word()}.example.com/"}),
        ("PATCH", "", {"name": site.draw.word()}),
        ("POST", "/keys", {"name": "x", "scopes": ["jobs"]}),
        ("POST", "/invitations", {"email": site.email(), "role": "member"}),
        ("PATCH", f"/members/{member}", {"role": "admin"}),
        ("DELETE", f"/members/{member}", None),
    ]
    before = all_of(home)
    with site.service.postgres.connect() as connection:
        connection.execute(f"REVOKE INSERT ON audit_entries FROM {ROLE}")
        try:
            answers = [
                home.http.request(method, home.path + path, json=body)
                for method, path, body in site.draw.shuffle(tries)
            ]
        finally:
            connection.execute(f"GRANT INSERT ON audit_entries TO {ROLE}")
    return answers, before, all_of(home)


def all_of(home: Home) -> list[object]:
    """Return what an organisation has, as its owner sees it."""
    paths = ("", "/projects", "/jobs", "/keys", "/invitations", "/members", "/audit")
    return [as_object(home.http.get(home.path + path)) for path in paths]


@then("each is refused with 503, and has changed nothing")
def each_is_refused(answers: tuple[list[Exchange], list[object], list[object]]) -> None:
    tried, before, after = answers
    for answer in tried:
        is_problem(answer, 503)
    expect(before == after, expected=f"nothing changed: {before}", got=after)


@then("the service's role may neither change nor remove an entry")
def the_role_may_neither(site: Site) -> None:
    with site.service.postgres.connect() as connection:
        rights = {
            right: connection.execute(
                "SELECT has_table_privilege(%s, 'audit_entries', %s)", [ROLE, right]
            ).fetchone()
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
        }
    wanted = {right: (right in {"SELECT", "INSERT"},) for right in rights}
    expect(rights == wanted, expected=str(wanted), got=rights)
