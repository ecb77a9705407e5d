"""The middleware for WSGI: Flask, Django, anything."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from rate_limit._errors import StorageUnavailableError
from rate_limit._header_fields import HeaderFields
from rate_limit._limiter import Limiter
from rate_limit._problem import Refusal, Refuse, Response, problem
from rate_limit._rules import Rule, rule_for

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    type _ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

DECISION = "rate_limit.decision"
"""Where the application finds the decision, in WSGI's environ and in ASGI's scope."""


class WsgiRequest:
    """A request, as a rule sees it."""

    def __init__(self, environ: "WSGIEnvironment") -> None:
        self._environ = environ

    @property
    def method(self) -> str:
        return str(self._environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        # WSGI hands bytes over as if they were Latin-1.
        return str(self._environ.get("PATH_INFO", "")).encode("latin-1").decode("utf-8", "replace")

    @property
    def peer(self) -> str:
        return str(self._environ.get("REMOTE_ADDR", ""))

    def header(self, name: str) -> str | None:
        value = self._environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        return None if value is None else str(value)


class WSGIRateLimitMiddleware:
    """Asks a limiter before the application is asked; the first rule that matches a request decides.

    A request that no rule matches is not limited. The application finds the decision in its environ under
    `rate_limit.decision`. With `partition_keys` the fields tell whose budget they speak of, as a digest.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        *rules: Rule[Limiter],
        refuse: Refuse = problem,
        partition_keys: bool = False,
    ) -> None:
        self._app = app
        self._rules = rules
        self._refuse = refuse
        self._fields = {
            id(rule): HeaderFields(rule.limiter.policies, partition_keys=partition_keys) for rule in rules
        }

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = WsgiRequest(environ)
        found = rule_for(self._rules, request)
        if found is None:
            return self._app(environ, start_response)
        rule, key = found
        policies = rule.limiter.policies
        try:
            decision = rule.limiter.hit(key, rule.cost)
        except StorageUnavailableError:
            return _answer(self._refuse(Refusal(request, policies, None)), [], start_response)
        fields = self._fields[id(rule)].of(key, decision)
        if not decision:
            return _answer(self._refuse(Refusal(request, policies, decision)), fields, start_response)
        environ[DECISION] = decision

        def start_with_fields(
            status: str, headers: list[tuple[str, str]], exc_info: "_ExcInfo | None" = None, /
        ) -> Callable[[bytes], object]:
            headers = [*headers, *fields]
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        return self._app(environ, start_with_fields)


def _answer(
    response: Response, fields: list[tuple[str, str]], start_response: "StartResponse"
) -> Iterable[bytes]:
    status = HTTPStatus(response.status)
    start_response(f"{status.value} {status.phrase}", [*response.headers, *fields])
    return [response.body]
