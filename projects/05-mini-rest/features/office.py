"""Who asks the service: its operator, and members of organisations with their tasks."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

from kata.steps import (
    Client,
    Draw,
    Exchange,
    Request,
    Service,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .wire import in_lines

PRINTED_TITLE_LIMIT = 200
USERS = "/api/v1/users"
ORGANISATIONS = "/api/v1/organisations"
JSON_TYPE = {"Content-Type": "application/json"}
PATCH_TYPE = {"Content-Type": "application/merge-patch+json"}
OK, CREATED, NO_CONTENT, NOT_MODIFIED = 200, 201, 204, 304
BAD, UNAUTHENTICATED, FORBIDDEN, MISSING, UNSUITABLE = 400, 401, 403, 404, 406
CONFLICT, STALE, UNSUPPORTED, INVALID, UNCONDITIONAL = 409, 412, 415, 422, 428
MEMBERS = {"id", "title", "notes", "status", "due_at", "owner", "created_at", "updated_at"}
LINK = re.compile(r'<([^>]*)>\s*;\s*rel="?(\w+)"?')

type Json = Mapping[str, object]


@dataclass(frozen=True)
class User:
    """A user as the operator got it told."""

    id: str
    name: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Task:
    """A task as it was answered."""

    path: str
    etag: str
    document: Json

    @property
    def id(self) -> str:
        return str(self.document.get("id"))

    @property
    def title(self) -> str:
        return str(self.document.get("title"))


@dataclass(frozen=True)
class Page:
    """A part of a list, and where the parts beside it are."""

    items: Sequence[Json]
    links: Mapping[str, str]
    answer: Exchange = field(repr=False, compare=False)

    @property
    def ids(self) -> list[str]:
        return [str(item.get("id")) for item in self.items]

    def link(self, relation: str) -> str:
        """Return where the page beside it is, or fail the check."""
        wanted = f'rel="{relation}" on a page that another one lies beside'
        expect(relation in self.links, expected=wanted, got=self.links, answer=self.answer)
        return self.links[relation]


class Member:
    """A user in an organisation, as a client of the service."""

    def __init__(
        self, service: Service, draw: Draw, user: User, organisation: str, *, process: int = 0
    ) -> None:
        self.user = user
        self.organisation = organisation
        self.tasks = f"{ORGANISATIONS}/{organisation}/tasks"
        self.authorization = {"Authorization": f"Bearer {user.token}"}
        self.http = service.client(self.authorization, process=process)
        self._draw = draw
        self._service = service

    def at_process(self, number: int) -> "Member":
        """Return the same member as a client of another web process."""
        return Member(self._service, self._draw, self.user, self.organisation, process=number)

    def body(self, **changes: object) -> dict[str, object]:
        """Return a body that is in order, but for the changes."""
        return {"title": f"{self._draw.word()} {self._draw.word()}"} | changes

    def post(self, body: object, headers: Mapping[str, str] | None = None) -> Exchange:
        """Ask for a task. JSON may be written in more than one way, and so may its type."""
        kind = self._draw.choice(["application/json", "application/json; charset=utf-8"])
        text = json.dumps(body, ensure_ascii=self._draw.choice([True, False])).encode()
        return self.http.request(
            "POST", self.tasks, headers={"Content-Type": kind, **(headers or {})}, body=text
        )

    def create(self, **changes: object) -> Task:
        """Make a task, and demand that it is made."""
        return created(self.post(self.body(**changes)))

    def in_lines(self, method: str, path: str, *repeated: tuple[str, str], body: bytes = b"") -> Exchange:
        """Send a request with header lines of which some have the same name."""
        kind = PATCH_TYPE if method == "PATCH" else {}
        request = Request(method, path, {**self.authorization, **kind}, body)
        return in_lines(self._service, self._draw, request, *repeated)

    def get(self, path: str, **headers: str) -> Exchange:
        return self.http.get(path, headers=named(headers))

    def show(self, task: Task) -> Task:
        """Return a task as it is now, or fail the check."""
        answer = self.http.get(task.path)
        expect(answer.status == OK, expected=f"200 from {task.path}", got=describe_answer(answer))
        return Task(task.path, answer.header("etag") or "", as_object(answer))

    def patch(self, task: Task, changes: object, if_match: str | None = None, **headers: str) -> Exchange:
        """Send a merge patch, by default under the ETag that the task had."""
        tag = task.etag if if_match is None else if_match
        fields = PATCH_TYPE | ({"If-Match": tag} if tag else {}) | named(headers)
        return self.http.request("PATCH", task.path, headers=fields, body=json.dumps(changes).encode())

    def delete(self, task: Task, if_match: str | None = None) -> Exchange:
        tag = task.etag if if_match is None else if_match
        return self.http.request("DELETE", task.path, headers={"If-Match": tag} if tag else {})

    def restore(self, task: Task, if_match: str, **headers: str) -> Exchange:
        fields = ({"If-Match": if_match} if if_match else {}) | named(headers)
        return self.http.request("POST", f"{task.path}/restore", headers=fields)

    def page(self, **query: str) -> Page:
        """Return the first page of a list."""
        return self.follow(f"{self.tasks}?{urlencode(query)}" if query else self.tasks)

    def follow(self, path: str) -> Page:
        """Return the page at a path, or fail the check."""
        answer = self.http.get(path)
        expect(answer.status == OK, expected=f"200 from {path}", got=describe_answer(answer))
        return page_of(path, answer)

    def walk(self, **query: str) -> list[Page]:
        """Follow `next` from the first page to the last."""
        pages = [self.page(**query)]
        while (following := pages[-1].links.get("next")) is not None:
            expect(len(pages) < 1000, expected="an end of the list", got="1000 pages")
            pages.append(self.follow(following))
        return pages

    def titles(self, **query: str) -> list[str]:
        """Return the titles of a whole list."""
        return [str(item.get("title")) for page in self.walk(limit="100", **query) for item in page.items]


class Office:
    """A running service, its settings, and its operator."""

    def __init__(self, service: Service, draw: Draw, settings: Mapping[str, str]) -> None:
        self.service = service
        self.draw = draw
        self.settings = settings
        self.authorization = {"Authorization": f"Bearer {settings['OPERATOR_TOKEN']}"}
        self.operator = service.client(self.authorization)

    @property
    def title_limit(self) -> int:
        return int(self.settings["TITLE_LIMIT"] or PRINTED_TITLE_LIMIT)

    def stranger(self) -> Client:
        """Return a client without a token."""
        return self.service.client()

    def user(self) -> User:
        name = f"{self.draw.word()} {self.draw.word()}"
        answer = self.operator.request("POST", USERS, json={"email": self.email(), "name": name})
        document = made(answer, "the operator makes users")
        return User(str(document.get("id")), name, str(document.get("token")))

    def email(self) -> str:
        """Draw an address of whichever shape: what it ends in tells nobody who asks."""
        word = self.draw.word
        shape = self.draw.choice(["{}.example.com", "example.org", "{}.test", "{}", "{}.münchen.example"])
        return f"{word()}.{word()}@{shape.format(word())}"

    def organisation(self) -> str:
        answer = self.operator.request("POST", ORGANISATIONS, json={"name": self.draw.word()})
        return str(made(answer, "the operator makes organisations").get("id"))

    def admit(self, organisation: str, user: User, role: str) -> None:
        path = f"{ORGANISATIONS}/{organisation}/members/{user.id}"
        answer = self.operator.request("PUT", path, json={"role": role})
        rule = "the operator makes users members"
        expect(answer.status == OK, expected="200", got=describe_answer(answer), rule=rule)

    def expel(self, member: Member) -> None:
        path = f"{ORGANISATIONS}/{member.organisation}/members/{member.user.id}"
        answer = self.operator.request("DELETE", path)
        rule = "the operator ends memberships"
        expect(answer.status == NO_CONTENT, expected="204", got=describe_answer(answer), rule=rule)

    def member(self, role: str | None = None, organisation: str | None = None) -> Member:
        """Make a user, and a member of an organisation, which without one is new."""
        organisation = organisation or self.organisation()
        user = self.user()
        self.admit(organisation, user, role or self.draw.choice(["USER", "ADMIN"]))
        return Member(self.service, self.draw, user, organisation)

    def as_member(self, user: User, organisation: str) -> Member:
        return Member(self.service, self.draw, user, organisation)


def named(headers: Mapping[str, str]) -> dict[str, str]:
    """Turn keywords into names of headers: `if_match` into `If-Match`."""
    return {name.replace("_", "-").title(): value for name, value in headers.items()}


def made(answer: Exchange, rule: str) -> Json:
    got = f"{describe_answer(answer)} {answer.text[:300] if answer.status >= BAD else ''}"
    expect(answer.status == CREATED, expected="201", got=got, rule=rule, timing=in_doubt(answer))
    return as_object(answer, rule)


def succeeded(answer: Exchange, status: int) -> None:
    got = f"{describe_answer(answer)} {answer.text[:200]}"
    rule = "a change under the present ETag is made"
    expect(answer.status == status, expected=str(status), got=got, rule=rule, timing=in_doubt(answer))


def created(answer: Exchange) -> Task:
    """Read the answer to a POST, and demand that it is a 201 with all that belongs to it."""
    rule = "POST answers 201 with Location, an ETag and the task"
    document = made(answer, rule)
    location = answer.header("location") or ""
    etag = answer.header("etag") or ""
    expect(bool(location and etag), expected="Location and ETag", got=f"{location} {etag}", rule=rule)
    missing = MEMBERS - document.keys()
    expect(not missing, expected="all members", got=f"no {', '.join(sorted(missing))}", rule=rule)
    return Task(urlsplit(location).path, etag, document)


def page_of(path: str, answer: Exchange) -> Page:
    rule = "a list is answered with items, an array of objects"
    items = as_object(answer, rule).get("items")
    right = isinstance(items, list) and all(isinstance(item, dict) for item in items)
    expect(right, expected="items: an array of objects", got=answer.text[:200], rule=rule)
    found = LINK.findall(answer.header("link") or "")
    links = {relation: target_of(urljoin(path, target)) for target, relation in found}
    return Page(items if isinstance(items, list) else [], links, answer)


def target_of(url: str) -> str:
    """Return path and query of a URL."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def in_doubt(answer: Exchange) -> bool:
    """Tell whether it may be for lack of processor time that this is not the answer that was wanted."""
    return answer.status in {0, 503}


def pointers_of(answer: Exchange, rule: str) -> set[str]:
    """Return where a problem says that the input is wrong: `#/title` as `/title`."""
    return {
        str(error.get("pointer", "")).removeprefix("#")
        for error in errors_of(is_problem(answer, INVALID, rule), rule)
    }


def parameters_of(answer: Exchange, rule: str) -> set[str]:
    """Return which parameters of a query a problem says are wrong."""
    return {str(error.get("parameter")) for error in errors_of(is_problem(answer, BAD, rule), rule)}


def errors_of(problem: Json, rule: str) -> list[Json]:
    errors = problem.get("errors")
    right = isinstance(errors, list) and all(isinstance(error, dict) for error in errors)
    expect(right, expected="errors[], an array of objects", got=errors, rule=rule)
    return errors if isinstance(errors, list) else []


def same(answers: Sequence[Exchange], status: int, rule: str) -> None:
    """Demand a problem of this status from each."""
    for answer in answers:
        is_problem(answer, status, rule)


def requests_to_every_route(organisation: str, task_id: str, user_id: str) -> list[Request]:
    """Return a request for each route below an organisation; the last two are the operator's."""
    tasks = f"{ORGANISATIONS}/{organisation}/tasks"
    task = f"{tasks}/{task_id}"
    any_version = {"If-Match": "*"}
    return [
        Request("POST", tasks, JSON_TYPE, b'{"title": "x"}'),
        Request("GET", tasks),
        Request("HEAD", tasks),
        Request("GET", task),
        Request("HEAD", task),
        Request("PATCH", task, PATCH_TYPE | any_version, b'{"notes": "x"}'),
        Request("DELETE", task, any_version),
        Request("POST", f"{task}/restore", any_version),
        Request("PUT", f"{ORGANISATIONS}/{organisation}/members/{user_id}", JSON_TYPE, b'{"role": "USER"}'),
        Request("DELETE", f"{ORGANISATIONS}/{organisation}/members/{user_id}"),
    ]


def send(client: Client, request: Request, **headers: str) -> Exchange:
    return client.request(
        request.method, request.path, headers={**request.headers, **named(headers)}, body=request.body or None
    )
