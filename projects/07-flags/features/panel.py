"""An administrator and an application: they manage flags of the running service, and ask for them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from kata.steps import Draw, Exchange, Service, World, as_object, describe_answer, expect

API = "/api/v1"
OFREP = "/ofrep/v1"
OK, CREATED, ACCEPTED, NO_CONTENT, NOT_MODIFIED = 200, 201, 202, 204, 304
BAD, UNAUTHORIZED, NOT_FOUND, CONFLICT, FAILED, INVALID, REQUIRED = 400, 401, 404, 409, 412, 422, 428
UNAVAILABLE = 503
EVERYWHERE_SECONDS = 1.0
SLACK_SECONDS = 0.6
POLL_SECONDS = 0.03

type Json = Mapping[str, object]


@dataclass(frozen=True)
class Settings:
    """What the run has drawn."""

    admin: str
    token: str
    other_admin: str
    other_token: str
    heartbeat_seconds: float
    token_seconds: int

    def environment(self) -> dict[str, str]:
        return {
            "ADMIN_TOKENS": f"{self.admin}:{self.token},{self.other_admin}:{self.other_token}",
            "HEARTBEAT_SECONDS": f"{self.heartbeat_seconds:.3f}",
            "STREAM_TOKEN_SECONDS": str(self.token_seconds),
        }


def draw_settings(world: World) -> Settings:
    draw = world.draw.fork("settings")
    drawn = [f"{draw.word()}:{draw.text(draw.integer(16, 60))}{ending}" for ending in ("", ":;=%")]
    admins = [one.partition(":") for one in world.text_setting("ADMIN_TOKENS", ",".join(drawn)).split(",")]
    heartbeat = world.setting("heartbeat-milliseconds", 300, 900) / 1000
    return Settings(
        admin=admins[0][0],
        token=admins[0][2],
        other_admin=admins[-1][0],
        other_token=admins[-1][2],
        heartbeat_seconds=float(world.text_setting("HEARTBEAT_SECONDS", str(heartbeat))),
        token_seconds=world.setting("STREAM_TOKEN_SECONDS", 60, 220, away_from=[300]),
    )


class Panel:
    """A running service with one administrator, a key for servers and one for browsers."""

    def __init__(self, service: Service, draw: Draw, settings: Settings) -> None:
        self.service = service
        self.draw = draw
        self.settings = settings
        self.admin = service.client({"Authorization": f"Bearer {settings.token}"})
        self._keys: dict[str, str] = {}

    def manage(self, method: str, path: str, json: object = None, version: object = None) -> Exchange:
        headers = {} if version is None else {"If-Match": str(version)}
        return self.admin.request(method, f"{API}{path}", headers=headers, json=json)

    def key(self, kind: str = "server") -> str:
        if kind not in self._keys:
            self._keys[kind] = str(self.new_key(kind)["secret"])
        return self._keys[kind]

    def new_key(self, kind: str) -> Json:
        made = self.manage("POST", "/keys", {"name": self.draw.word(), "kind": kind})
        return wanted(made, CREATED)

    def flag(self, **members: object) -> Json:
        """Make a flag, of two texts unless the members say otherwise, and return it."""
        return wanted(self.manage("POST", "/flags", self.document(**members)), CREATED)

    def document(self, **members: object) -> dict[str, object]:
        return {
            "key": f"{self.draw.word()}-{self.draw.integer(1, 99)}",
            "type": "string",
            "variants": {"on": "yes", "off": "no", "other": "maybe"},
            "off_variant": "off",
            "default": {"variant": "on"},
            **members,
        }

    def show(self, key: object) -> Exchange:
        return self.manage("GET", f"/flags/{key}")

    def change(self, key: object, version: object = None, **members: object) -> Json:
        """Change a flag from the version that it has, or this one."""
        if version is None:
            version = self.show(key).header("etag")
        return wanted(self.manage("PATCH", f"/flags/{key}", members, version), OK)

    def ask(
        self,
        key: object,
        context: object = None,
        *,
        process: int = 0,
        kind: str = "server",
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Evaluate one flag."""
        body = {} if context is None else {"context": context}
        fields = {"Authorization": f"Bearer {self.key(kind)}"} if headers is None else headers
        client = self.service.client(process=process)
        return client.request("POST", f"{OFREP}/evaluate/flags/{key}", json=body, headers=fields)

    def bulk(
        self,
        context: object = None,
        *,
        process: int = 0,
        kind: str = "server",
        headers: Mapping[str, str] | None = None,
        config_tag: object = None,
    ) -> Exchange:
        """Evaluate all flags."""
        body = {} if context is None else {"context": context}
        query = "" if config_tag is None else f"?flagConfigEtag={quote(str(config_tag))}"
        fields = {"X-API-Key": self.key(kind), **(headers or {})}
        client = self.service.client(process=process)
        return client.request("POST", f"{OFREP}/evaluate/flags{query}", json=body, headers=fields)

    def variant(self, key: object, context: object = None, *, process: int = 0) -> object:
        return wanted(self.ask(key, context, process=process), OK).get("variant")

    def soon(
        self,
        holds: Callable[[], bool],
        what: str,
        since: float | None = None,
        seconds: float = EVERYWHERE_SECONDS,
    ) -> None:
        """Demand that something holds within so long; the last look counts from when it began."""
        started = time.monotonic() if since is None else since
        while True:
            looked = time.monotonic()
            if holds():
                return
            if looked - started > seconds + SLACK_SECONDS:
                break
            time.sleep(POLL_SECONDS)
        expect(False, expected=f"{what} within {seconds:g} s", got="it did not come", timing=True)

    def serves(self, key: object, variant: str, context: object, process: int) -> bool:
        """Tell whether a process serves this variant; it may not know of the flag yet."""
        answer = self.ask(key, context, process=process)
        return answer.status != NOT_FOUND and wanted(answer, OK).get("variant") == variant

    def everywhere(self, key: object, variant: str, context: object = None) -> None:
        """Demand that each process serves this variant within a second."""
        since = time.monotonic()
        for process in range(len(self.service.urls)):
            self.soon(
                lambda process=process: self.serves(key, variant, context, process),  # type: ignore[misc]
                f"{variant} of {key} on process {process + 1}",
                since,
            )

    def known_everywhere(self, key: object) -> None:
        """Wait until each process has a flag that was just made."""
        for process in range(len(self.service.urls)):
            self.soon(
                lambda process=process: (
                    self.ask(key, {"targetingKey": "x"}, process=process).status != NOT_FOUND
                ),  # type: ignore[misc]
                f"{key} on process {process + 1}",
            )


def wanted(answer: Exchange, status: int, what: str = "") -> Json:
    """Demand a status, and return the object."""
    expect(
        answer.status == status,
        expected=f"{status}{f' for {what}' if what else ''}",
        got=f"{describe_answer(answer)} {answer.text[:300]}",
        answer=answer,
        timing=answer.status in {0, UNAVAILABLE},
    )
    return as_object(answer)


def is_same(answer: Json, members: Json, what: str) -> None:
    """Demand that an answer has these members; what is inside of them may have more, which has defaults."""
    found = {name: answer.get(name, "missing") for name in members}
    right = all(has(found[name], value, name) for name, value in members.items())
    expect(right, expected=f"{dict(members)} for {what}", got=found)


def has(found: object, wanted: object, name: str = "") -> bool:
    if name == "variants":
        return found == wanted
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and has(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(has, found, wanted))
    return found == wanted


def flags_of(bulk: Exchange) -> dict[str, Json]:
    """Return the entries of a bulk by their keys."""
    entries = objects(wanted(bulk, OK).get("flags"))
    return {str(entry.get("key")): entry for entry in entries}


def objects(value: object) -> Sequence[Json]:
    right = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    expect(right, expected="a list of objects", got=value)
    return value if isinstance(value, list) else []


def is_ofrep_error(answer: Exchange, status: int, code: str, key: object = None) -> None:
    """Demand an error in OFREP's shape, which providers read."""
    what = f"{status} {code}"
    body = wanted(answer, status, what)
    kind = (answer.header("content-type") or "").partition(";")[0]
    expect(kind == "application/json", expected=f"application/json with {what}", got=kind, answer=answer)
    expect(body.get("errorCode") == code, expected=what, got=body, answer=answer)
    expect(isinstance(body.get("errorDetails"), str), expected="errorDetails", got=body, answer=answer)
    if key is not None:
        expect(body.get("key") == key, expected=f"the key {key}", got=body, answer=answer)
