"""The middleware for ASGI: FastAPI, Starlette, Litestar, anything."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import cast

from rate_limit._errors import StorageUnavailableError
from rate_limit._header_fields import HeaderFields
from rate_limit._limiter import AsyncLimiter
from rate_limit._problem import Refusal, Refuse, Response, problem
from rate_limit._rules import Rule, rule_for

type Scope = MutableMapping[str, object]
type Message = MutableMapping[str, object]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
type RawHeaders = list[tuple[bytes, bytes]]

DECISION = "rate_limit.decision"


class AsgiRequest:
    """A request, as a rule sees it."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def method(self) -> str:
        return str(self._scope["method"])

    @property
    def path(self) -> str:
        return str(self._scope["path"])

    @property
    def peer(self) -> str:
        client = cast("tuple[str, int] | None", self._scope.get("client"))
        return client[0] if client else ""

    def header(self, name: str) -> str | None:
        wanted = name.encode("latin-1")
        headers = cast("RawHeaders", self._scope["headers"])
        values = [value for header, value in headers if header == wanted]
        return b",".join(values).decode("latin-1") if values else None


class ASGIRateLimitMiddleware:
    """Asks a limiter before the application is asked; the first rule that matches a request decides.

    A request that no rule matches is not limited, nor are web sockets. The application finds the decision in
    its scope under `rate_limit.decision`. With `partition_keys` the fields tell whose budget they speak of,
    as a digest.
    """

    def __init__(
        self,
        app: ASGIApp,
        *rules: Rule[AsyncLimiter],
        refuse: Refuse = problem,
        partition_keys: bool = False,
    ) -> None:
        self._app = app
        self._rules = rules
        self._refuse = refuse
        self._fields = {
            id(rule): HeaderFields(rule.limiter.policies, partition_keys=partition_keys) for rule in rules
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = AsgiRequest(scope)
        found = rule_for(self._rules, request)
        if found is None:
            await self._app(scope, receive, send)
            return
        rule, key = found
        policies = rule.limiter.policies
        try:
            decision = await rule.limiter.hit(key, rule.cost)
        except StorageUnavailableError:
            await _answer(self._refuse(Refusal(request, policies, None)), [], send)
            return
        fields = _raw(self._fields[id(rule)].of(key, decision))
        if not decision:
            await _answer(self._refuse(Refusal(request, policies, decision)), fields, send)
            return
        scope[DECISION] = decision

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = cast("RawHeaders", message.get("headers", ()))
                message = {**message, "headers": [*headers, *fields]}
            await send(message)

        await self._app(scope, receive, send_with_fields)


def _raw(fields: list[tuple[str, str]]) -> RawHeaders:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


async def _answer(response: Response, fields: RawHeaders, send: Send) -> None:
    headers = [*_raw(response.headers), *fields]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
