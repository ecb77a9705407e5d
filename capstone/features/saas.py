"""A running platform as its users meet it: people, organisations, projects, jobs."""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql

from kata.steps import (
    Client,
    Draw,
    Exchange,
    Mail,
    Request,
    Service,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

type Json = Mapping[str, object]

API = "/api/v1"
JSON = {"Content-Type": "application/json"}
OK, CREATED, ACCEPTED, NO_CONTENT = 200, 201, 202, 204
LONGEST_ANSWER_SECONDS = 1.5
UNAUTHENTICATED, FORBIDDEN, MISSING, CONFLICT, STALE, INVALID, LIMITED = 401, 403, 404, 409, 412, 422, 429
PATIENCE_SECONDS = 8.0
MAIL_SECONDS = 15.0
HELD_SECONDS = 0.7  # far below any time-out of a lock
ENDS = {"succeeded", "dead", "discarded", "cancelled"}
PUBLISH = "publish"


@dataclass(frozen=True)
class Person:
    """Somebody with an account, signed in."""

    email: str
    password: str
    id: str
    tokens: Json
    http: Client
    authorization: Mapping[str, str]


@dataclass(frozen=True)
class Home:
    """An organisation, as one of its members sees it."""

    id: str
    person: Person
    path: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", f"{API}/organisations/{self.id}")

    @property
    def http(self) -> Client:
        return self.person.http

    def of(self, person: Person) -> "Home":
        return Home(self.id, person)

    def project(self, name: str) -> Json:
        return made(self.http.request("POST", f"{self.path}/projects", json={"name": name}))

    def act(self, project: Json, destination: str, name: str = PUBLISH) -> Exchange:
        path = f"{self.path}/projects/{project['id']}/actions/{name}"
        return self.http.request("POST", path, json={"destination": destination})

    def job(self, job: Json) -> Json:
        answer = self.http.get(f"{self.path}/jobs/{job['id']}")
        expect(answer.status == OK, expected="200 for a job", got=describe_answer(answer))
        return as_object(answer)

    def jobs(self, query: str = "") -> list[Json]:
        answer = self.http.get(f"{self.path}/jobs{query}")
        expect(answer.status == OK, expected="200 for the jobs", got=describe_answer(answer))
        return objects(as_object(answer).get("items"))

    def ended(self, job: Json, patience_seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait until a job has come to one of its ends, and return it."""
        deadline = time.monotonic() + patience_seconds
        while (shown := self.job(job)).get("state") not in ENDS:
            late = time.monotonic() > deadline
            expect(not late, expected="a job that ends", got=shown, timing=True)
            time.sleep(0.05)
        return shown


class Site:
    """A running service, its settings, and its operator."""

    def __init__(self, service: Service, draw: Draw, settings: Mapping[str, str]) -> None:
        self.service = service
        self.draw = draw
        self.settings = settings
        self.operator = service.client({"Authorization": f"Bearer {settings['OPERATOR_TOKEN']}"})

    def email(self) -> str:
        return f"{self.draw.word()}.{self.draw.word()}@{self.draw.word()}.example"

    def password(self) -> str:
        return (
            self.draw.text(self.draw.integer(15, 60), "abcdefghijkmnopqrstuvwxyz 0123456789").strip(" ")
            + "pass" * 3
        )

    def person(self, *, process: int = 0) -> Person:
        """Make an account and sign in."""
        email, password = self.email(), self.password()
        document = made(self.account(self.admit(email), password, process=process))
        tokens = as_object(self.login(email, password))
        return self.signed_in(email, password, str(document["id"]), tokens, process=process)

    def admit(self, email: str) -> str:
        """Have the operator let somebody in, without a mail, and return the token."""
        return str(
            made(self.operator.request("POST", f"{API}/admin/accounts", json={"email": email}))["token"]
        )

    def account(self, token: str, password: str, *, process: int = 0) -> Exchange:
        """Make the account that a token leads to."""
        client = self.service.client(process=process)
        return client.request("POST", f"{API}/auth/accounts", json={"token": token, "password": password})

    def signed_in(self, email: str, password: str, user_id: str, tokens: Json, *, process: int = 0) -> Person:
        authorization = {"Authorization": f"Bearer {tokens['access_token']}"}
        client = self.service.client(authorization, process=process)
        return Person(email, password, user_id, tokens, client, authorization)

    def elsewhere(self, person: Person, process: int) -> Person:
        """Return the same person, who asks another process."""
        return self.signed_in(person.email, person.password, person.id, person.tokens, process=process)

    def login(self, email: str, password: str) -> Exchange:
        answer = self.guess(email, password)
        expect(answer.status == OK, expected="200 for a login", got=describe_answer(answer))
        return answer

    def guess(
        self, email: str, password: str, headers: Mapping[str, str] | None = None, *, process: int = 0
    ) -> Exchange:
        client = self.service.client(headers, process=process)
        return client.request("POST", f"{API}/auth/login", json=credentials(email, password))

    def home(self, person: Person | None = None) -> Home:
        """Make an organisation."""
        owner = person or self.person()
        answer = owner.http.request("POST", f"{API}/organisations", json={"name": self.draw.word()})
        return Home(str(made(answer)["id"]), owner)

    def member(self, home: Home, role: str) -> Home:
        """Have somebody invited and take it, and return the organisation as they see it."""
        person = self.person()
        body = {"email": person.email, "role": role}
        invitation = made(home.http.request("POST", f"{home.path}/invitations", json=body))
        answer = person.http.request("POST", f"{API}/me/invitations/{invitation['id']}/accept")
        expect(answer.status == OK, expected="200 for a new member", got=describe_answer(answer))
        return home.of(person)

    @contextmanager
    def workers_paused(self) -> Iterator[None]:
        """Have no worker look for a job meanwhile."""
        for worker in self.service.workers:
            worker.pause()
        try:
            yield
        finally:
            for worker in self.service.workers:
                worker.resume()

    def switch(self, *, is_on: bool, organisation: str | None = None, flag: str = PUBLISH) -> None:
        body = {"is_on": is_on} | ({"organisation_id": organisation} if organisation else {})
        answer = self.operator.request("PUT", f"{API}/admin/flags/{flag}", json=body)
        expect(answer.status == NO_CONTENT, expected="204 for a switch", got=describe_answer(answer))


def credentials(email: str, password: str) -> Json:
    return {"email": email, "password": password}


def made(answer: Exchange) -> Json:
    got = f"{describe_answer(answer)} {answer.text[:300]}"
    expect(answer.status == CREATED, expected="201", got=got, answer=answer)
    return as_object(answer)


def objects(value: object) -> list[Json]:
    right = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    expect(right, expected="an array of objects", got=value)
    return value if isinstance(value, list) else []


def attempts_of(job: Json) -> list[Json]:
    return objects(job.get("attempts"))


def outcomes_of(job: Json) -> list[object]:
    return [attempt.get("outcome") for attempt in attempts_of(job)]


def as_json(body: bytes) -> Json:
    """Read what a destination was sent."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    expect(isinstance(document, dict), expected="an object of JSON", got=body[:200])
    return document if isinstance(document, dict) else {}


def is_refused(answer: Exchange, pointer: str) -> None:
    """Demand a 422 that points at one mistake."""
    problem = is_problem(answer, INVALID)
    pointers = [str(one.get("pointer")).removeprefix("#") for one in objects(problem.get("errors"))]
    expect(pointers == [pointer], expected=f"errors[] with the pointer {pointer}", got=problem, answer=answer)


def bare(answer: Exchange) -> tuple[int, list[tuple[str, str]], str]:
    """Leave out what differs in each answer: ids, the path that was asked for, the time, the connection."""
    ids, others = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}"), {"date", "connection"}
    headers = [(name, ids.sub("…", value)) for name, value in answer.headers if name.lower() not in others]
    return answer.status, sorted(headers), ids.sub("…", answer.text)


def posted(path: str, document: object, headers: Mapping[str, str] | None = None) -> Request:
    return Request("POST", f"{API}{path}", {**JSON, **(headers or {})}, json.dumps(document).encode())


def mails_to(site: Site, email: str, count: int = 1) -> list[Mail]:
    """Wait until so many mails have come to an address."""
    mails = site.service.mail.server.wait_for(email, count, MAIL_SECONDS)
    got = f"{len(mails)} within {MAIL_SECONDS:g} s"
    expect(len(mails) >= count, expected=f"mail {count} to {email}", got=got, timing=True)
    return mails


def while_nobody_writes(site: Site, requests: Sequence[Request]) -> list[Exchange]:
    """Send requests that all look before any of them can write, unless one waits for the other."""
    with ThreadPoolExecutor(1) as pool:
        with tables_held(site):
            answers = pool.submit(site.service.burst, requests)
            time.sleep(HELD_SECONDS)
        return answers.result()


@contextmanager
def tables_held(site: Site) -> Iterator[None]:
    """Let everybody read, and nobody write."""
    with site.service.postgres.connect() as connection, connection.transaction():
        names = connection.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT LIKE 'procrastinate%'"
        ).fetchall()
        for (name,) in names:
            connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.SQL(str(name))))
        yield


def retry_after(answer: Exchange) -> int:
    value = answer.header("retry-after") or "none"
    expect(value.isdigit() and int(value) >= 1, expected="Retry-After: whole seconds", got=value)
    return int(value) if value.isdigit() else 0
