"""What is different below /ofrep: pages of other origins may ask, and errors are in OFREP's words too.

Around the plumbing, because it refuses what is no request before a route is asked. Providers would not
understand those refusals: they throw where `errorCode` is missing, and where the media type is another.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from service_kit.json_text import Json, as_mapping, parse, render
from service_kit.problems import CONTENT_TYPE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX: Final = "/ofrep/"
FLAG_PREFIX: Final = "/ofrep/v1/evaluate/flags/"
METHODS: Final = b"GET, POST, OPTIONS"
HEADERS: Final = b"authorization, content-type, if-none-match, last-event-id, x-api-key, x-request-id"
EXPOSED: Final = b"ETag, Retry-After, X-Request-ID"
MAX_AGE_SECONDS: Final = b"600"
ERROR_CODES: Final[Mapping[str, str]] = {
    "flag_not_found": "FLAG_NOT_FOUND",
    "invalid_context": "INVALID_CONTEXT",
    "invalid_input": "INVALID_CONTEXT",
    "invalid_json": "PARSE_ERROR",
    "targeting_key_missing": "TARGETING_KEY_MISSING",
    "parse_error": "PARSE_ERROR",
}
KNOWN_STATUSES: Final = frozenset({400, 401, 404, 422, 500, 503})
"""Those that OFREP gives a meaning. What is refused as no request of it stays a problem and nothing else."""
UNPROCESSABLE: Final = 422
BAD_REQUEST: Final = 400

type Fields = list[tuple[bytes, bytes]]


class OfrepSurface:
    """Wraps the application."""

    def __init__(self, app: "ASGIApp", allowed_origins: str) -> None:
        self._app = app
        self._origins = None if allowed_origins == "*" else frozenset(allowed_origins.encode().split(b","))

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        cors = self._cors(headers.get(b"origin"))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            cors += [
                (b"access-control-allow-methods", METHODS),
                (b"access-control-allow-headers", HEADERS),
                (b"access-control-max-age", MAX_AGE_SECONDS),
            ]
        await self._app(scope, receive, Answer(scope["path"], cors, send).send)

    def _cors(self, origin: bytes | None) -> Fields:
        exposed = (b"access-control-expose-headers", EXPOSED)
        if self._origins is None:
            return [(b"access-control-allow-origin", b"*"), exposed]
        vary = (b"vary", b"Origin")
        if origin not in self._origins:
            return [vary]
        return [(b"access-control-allow-origin", origin or b""), exposed, vary]


class Answer:
    """An answer on its way out: a problem is held back until it is whole, and said in OFREP's words too."""

    def __init__(self, path: str, cors: Fields, send: "Send") -> None:
        self._path = path
        self._cors = cors
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: "Message") -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *self._cors]}
            is_problem = (b"content-type", CONTENT_TYPE.encode()) in message["headers"]
            if is_problem and message["status"] in KNOWN_STATUSES:
                self._start = message
                return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._send_translated(self._start)

    async def _send_translated(self, start: "Message") -> None:
        body, status = self._body, start["status"]
        if body:  # there is none for HEAD
            status = BAD_REQUEST if status == UNPROCESSABLE else status
            body = render(translated(as_mapping(parse(body)), status, self._path))
        fields = [
            (name, value)
            for name, value in start["headers"]
            if name.lower() not in {b"content-type", b"content-length"}
        ]
        fields += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self._send({**start, "status": status, "headers": fields})
        await self._send({"type": "http.response.body", "body": body})


def translated(problem: Mapping[str, Json], status: int, path: str) -> dict[str, Json]:
    """Return a problem with OFREP's members beside its own."""
    key = path.removeprefix(FLAG_PREFIX) if path.startswith(FLAG_PREFIX) else ""
    detail = problem.get("detail") or problem.get("title")
    code = ERROR_CODES.get(str(problem.get("code")), "GENERAL")
    return {**problem, "status": status, "key": key, "errorCode": code, "errorDetails": detail}
