"""An administrator and an application: they manage flags of the running service, and ask for them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from kata.steps import Draw, Exchange, Service, World, describe_answer, expect

from .answers import CREATED, NOT_FOUND, OK, Json, wanted

API = "/api/v1"
OFREP = "/ofrep/v1"
EVERYWHERE_SECONDS = 1.0
BACK_SECONDS = 5.0
SLACK_SECONDS = 0.6
POLL_SECONDS = 0.03


@dataclass(frozen=True)
class Settings:
    """What the run has drawn, or with --url what the service is said to have, letter by letter."""

    admin_tokens: str
    heartbeat: str
    token_seconds: int
    allowed_origins: str

    @property
    def admin(self) -> str:
        return self.admin_tokens.split(",")[0].partition(":")[0]

    @property
    def token(self) -> str:
        return self.admin_tokens.split(",")[0].partition(":")[2]

    @property
    def other_admin(self) -> str:
        return self.admin_tokens.split(",")[-1].partition(":")[0]

    @property
    def other_token(self) -> str:
        return self.admin_tokens.split(",")[-1].partition(":")[2]

    @property
    def heartbeat_seconds(self) -> float:
        return float(self.heartbeat)

    @property
    def origins(self) -> list[str]:
        """Those that are listed; where none is, all may ask."""
        return [] if self.allowed_origins == "*" else self.allowed_origins.split(",")

    def environment(self) -> dict[str, str]:
        return {
            "ADMIN_TOKENS": self.admin_tokens,
            "HEARTBEAT_SECONDS": self.heartbeat,
            "STREAM_TOKEN_SECONDS": str(self.token_seconds),
            "ALLOWED_ORIGINS": self.allowed_origins,
        }


def draw_settings(world: World) -> Settings:
    # One number of the run's, and not the check's own draw: checks with the same settings share a service.
    draw = Draw(f"{world.setting('names', 2**24, 2**32 - 1):x}")
    admins = [f"{draw.word()}:{draw.text(draw.integer(16, 60))}{ending}" for ending in ("", ":;=%")]
    heartbeat = world.setting("heartbeat-milliseconds", 300, 900) / 1000
    origins = [f"https://{draw.word()}.example", f"http://{draw.word()}.example:{draw.integer(1024, 65535)}"]
    return Settings(
        admin_tokens=world.text_setting("ADMIN_TOKENS", ",".join(admins)),
        heartbeat=world.text_setting("HEARTBEAT_SECONDS", f"{heartbeat:.3f}"),
        token_seconds=world.setting("STREAM_TOKEN_SECONDS", 60, 220, away_from=[300]),
        allowed_origins=world.text_setting("ALLOWED_ORIGINS", ",".join(draw.shuffle(origins))),
    )


class Panel:
    """A running service with one administrator, a key for servers and one for browsers."""

    def __init__(self, service: Service, draw: Draw, settings: Settings) -> None:
        self.service = service
        self.draw = draw
        self.settings = settings
        self.admin_headers = {"Authorization": f"Bearer {settings.token}"}
        self.admin = service.client(self.admin_headers)
        self._keys: dict[str, str] = {}
        self._last: Exchange | None = None

    def manage(self, method: str, path: str, json: object = None, version: object = None) -> Exchange:
        headers = {} if version is None else {"If-Match": str(version)}
        return self._noted(self.admin.request(method, f"{API}{path}", headers=headers, json=json))

    def _noted(self, answer: Exchange) -> Exchange:
        self._last = answer
        return answer

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
        path = f"{OFREP}/evaluate/flags/{key}"
        return self._noted(client.request("POST", path, json=body, headers=fields))

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
        path = f"{OFREP}/evaluate/flags{query}"
        return self._noted(client.request("POST", path, json=body, headers=fields))

    def variant(self, key: object, context: object = None, *, process: int = 0) -> object:
        return wanted(self.ask(key, context, process=process), OK).get("variant")

    def soon(
        self,
        holds: Callable[[], bool],
        what: str,
        since: float | None = None,
        seconds: float = EVERYWHERE_SECONDS,
        got: Callable[[], str] | None = None,
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
        last = self._last
        told = f"at last {describe_answer(last)} {last.text[:300]}" if last is not None else "no answer"
        expected = f"{what} within {seconds:g} s"
        expect(False, expected=expected, got=told if got is None else got(), answer=last, timing=True)

    def serves(self, key: object, variant: str, context: object, process: int) -> bool:
        """Tell whether a process serves this variant; it may not know of the flag yet."""
        answer = self.ask(key, context, process=process)
        return answer.status != NOT_FOUND and wanted(answer, OK).get("variant") == variant

    def is_whole(self) -> bool:
        """Tell whether each process has PostgreSQL."""
        count = len(self.service.urls)
        clients = (self.service.client(self.admin_headers, process=number) for number in range(count))
        return all(client.get(f"{API}/flags").status == OK for client in clients)

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


def announced(
    panel: Panel, process: int = 0, kind: str = "server", headers: Mapping[str, str] | None = None
) -> str:
    """Return the path of the stream that a bulk announces."""
    body = wanted(panel.bulk({}, process=process, kind=kind, headers=headers), OK)
    streams = body.get("eventStreams")
    right = isinstance(streams, list) and len(streams) == 1 and isinstance(streams[0], dict)
    expect(right, expected="eventStreams with one stream", got=streams)
    stream = dict(streams[0]) if isinstance(streams, list) else {}
    endpoint = stream.get("endpoint")
    whole = stream.get("type") == "sse" and "url" not in stream and isinstance(endpoint, dict)
    whole = whole and isinstance(stream.get("inactivityDelaySec"), int)
    expect(whole, expected="type sse, endpoint, inactivityDelaySec", got=stream)
    uri = endpoint.get("requestUri") if isinstance(endpoint, dict) else None
    expect(isinstance(uri, str) and uri.startswith("/"), expected="requestUri, a path", got=uri)
    return str(uri)
