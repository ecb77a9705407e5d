"""Who uses a backend: people with accounts, or before there are accounts, anybody."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kata.steps import (
    Draw,
    Exchange,
    Received,
    Request,
    Service,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

API = "/api/v1"
AUTH = f"{API}/auth"
RESOURCES = f"{API}/resources"
OK, CREATED, ACCEPTED, NO_CONTENT = 200, 201, 202, 204
MALFORMED, UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, CONFLICT = 400, 401, 403, 404, 409
UNSUPPORTED, INVALID, TOO_MANY, UNAVAILABLE = 415, 422, 429, 503
PATIENCE_SECONDS = 10.0
TITLE_LIMIT, CONTENT_LIMIT = 200, 10_000
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789 -_.!?äöüßéж日\U0001f600"

type Json = Mapping[str, object]


@dataclass(frozen=True)
class Person:
    """Somebody, with an account and tokens if the backend has accounts already."""

    backend: "Backend"
    email: str = ""
    password: str = ""
    id: str = ""
    tokens: Json = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        access = self.tokens.get("access_token")
        return {"Authorization": f"Bearer {access}"} if access else {}

    def ask(self, method: str, path: str, body: object = None, process: int = 0) -> Exchange:
        client = self.backend.service.client(process=process)
        return client.request(method, path, headers=self.headers, json=body)

    def make(self, **members: str) -> Json:
        """Make a resource."""
        body = {"title": self.backend.text(20), **members}
        answer = self.ask("POST", RESOURCES, body)
        expect(answer.status == CREATED, expected="201", got=describe_answer(answer))
        return as_object(answer)

    def read(self, resource: Json, process: int = 0) -> Exchange:
        return self.ask("GET", path_of(resource), process=process)

    def request(self, method: str, path: str, body: object) -> Request:
        fields = {"Content-Type": "application/json", **self.headers}
        return Request(method, path, fields, json.dumps(body).encode())

    def is_made_admin(self) -> None:
        with self.backend.service.postgres.connect() as connection:
            connection.execute("UPDATE users SET role = 'ADMIN' WHERE email = %s", [self.email])


class Backend:
    """A backend with what was drawn for it."""

    def __init__(self, service: Service, draw: Draw, settings: Mapping[str, str]) -> None:
        self.service = service
        self.draw = draw
        self.settings = settings

    def text(self, length: int) -> str:
        """Draw so many characters, not all of them ASCII, without blanks at the ends."""
        return f"{self.draw.word()}{self.draw.text(length, LETTERS)}"[: length - 1] + "x"

    def email(self) -> str:
        ends = ["example.org", "mail.example.com", "office.test"]
        return f"{self.draw.word()}.{self.draw.word()}+{self.draw.integer(1, 999)}@{self.draw.choice(ends)}"

    def password(self) -> str:
        return self.draw.text(self.draw.integer(12, 60), LETTERS.replace(" ", ""))

    def post(self, path: str, body: object, process: int = 0) -> Exchange:
        return self.service.client(process=process).request("POST", path, json=body)

    def register(self, email: str | None = None, password: str | None = None) -> Person:
        """Make an account, without tokens yet."""
        email, password = email or self.email(), password or self.password()
        answer = self.post(f"{AUTH}/register", {"email": email, "password": password})
        expect(answer.status == CREATED, expected="201", got=describe_answer(answer))
        return Person(self, email.lower(), password, str(as_object(answer).get("id")))

    def log_in(self, person: Person, process: int = 0) -> Person:
        answer = self.post(
            f"{AUTH}/login", {"email": person.email, "password": person.password}, process=process
        )
        expect(answer.status == OK, expected="200", got=describe_answer(answer))
        return Person(self, person.email, person.password, person.id, as_object(answer))

    def person(self) -> Person:
        """Be somebody who may ask for resources: as long as nobody can register that is anybody."""
        probe = self.post(f"{AUTH}/register", {"email": self.email(), "password": self.password()})
        return Person(self) if probe.status == NOT_FOUND else self.log_in(self.register())

    def admin(self) -> Person:
        person = self.register()
        person.is_made_admin()
        return self.log_in(person)

    def signed(self, claims: Json, *, secret: str | None = None, algorithm: str = "HS256") -> str:
        """Make a JWT as somebody would who has this secret, or none."""
        key = (self.settings["JWT_SECRET"] if secret is None else secret).encode()
        head = segment(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
        signing = f"{head}.{segment(json.dumps(claims).encode())}"
        kinds = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
        kind = kinds.get(algorithm)
        signature = "" if kind is None else segment(hmac.new(key, signing.encode(), kind).digest())
        return f"{signing}.{signature}"

    def second_process(self, settings: Mapping[str, str] | None = None) -> None:
        if len(self.service.urls) == 1:
            self.service.add("web", settings)


def segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token: object) -> dict[str, object]:
    """Read what a JWT says, or fail the check."""
    parts = str(token).split(".")
    try:
        head, claims = (json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in parts[:2])
    except ValueError:
        head = claims = None
    right = len(parts) == 3 and isinstance(head, dict) and isinstance(claims, dict)
    expect(right and head.get("alg") == "HS256", expected="a JWT with HS256", got=token)
    return dict(claims) if isinstance(claims, dict) else {}


def path_of(resource: Json) -> str:
    return f"{RESOURCES}/{resource.get('id')}"


def items_of(answer: Exchange) -> list[Json]:
    """Return the items of a list, or fail the check."""
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    items = as_object(answer).get("items")
    expect(isinstance(items, list), expected="a list of items", got=answer.text[:200])
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def is_refused(answer: Exchange, pointer: str, body: object) -> None:
    """Expect 422 with a pointer."""
    problem = is_problem(answer, INVALID)
    errors = problem.get("errors")
    found = (
        [error.get("pointer") for error in errors if isinstance(error, dict)]
        if isinstance(errors, list)
        else []
    )
    expect(
        pointer in found, expected=f"a pointer to {pointer} for {str(body)[:100]}", got=found, answer=answer
    )


def is_unauthenticated(answer: Exchange, rule: str | None = None) -> None:
    """Expect 401 with a challenge."""
    is_problem(answer, UNAUTHENTICATED, rule)
    challenge = answer.header("www-authenticate") or ""
    expect(
        challenge.lower().startswith("bearer"),
        expected="WWW-Authenticate: Bearer",
        got=challenge or "none",
        answer=answer,
    )


def wait_for[T](look: Callable[[], T], is_right: Callable[[T], bool], seconds: float = PATIENCE_SECONDS) -> T:
    """Look again and again until it is right, or the time is up."""
    deadline = time.monotonic() + seconds
    found = look()
    while not is_right(found) and time.monotonic() < deadline:
        time.sleep(0.02)
        found = look()
    return found


def told_of(call: Received) -> Json:
    """Return what a call says, or nothing if that is no JSON object."""
    try:
        body = call.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
