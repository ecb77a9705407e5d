"""What the plumbing has to know of a service; the adapters find it out from their frameworks."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from service_kit import logs
from service_kit.json_text import Json
from service_kit.metrics import Metrics
from service_kit.openapi import completed
from service_kit.operations import READY, Answer, endpoints
from service_kit.routing import Match, Route, RouteTable
from service_kit.settings import ServiceSettings

GET = frozenset({"GET"})

type ClientOf = Callable[[str, str | None], str]
"""Says whose a request is, for the log: by the address it came from, and its X-Forwarded-For."""


def peer_of(peer: str, _forwarded_for: str | None) -> str:
    """Return the peer: without a trusted proxy nobody else is known."""
    return peer


class Service:
    """The routes, the operational answers, and the settings that the plumbing needs."""

    def __init__(
        self,
        settings: ServiceSettings,
        routes: Iterable[Route],
        document: Mapping[str, Json],
        service_metrics: Metrics | None,
        client_of: ClientOf = peer_of,
        own_bodies: Iterable[str] = (),
    ) -> None:
        self.client_of = client_of
        self.own_bodies = frozenset(own_bodies)
        self.metrics = service_metrics or Metrics()
        self.body_limit_bytes = settings.body_limit_bytes
        self.readiness_timeout_seconds = settings.readiness_timeout_seconds
        self.is_logged = logs.access_filter(settings.log_level)
        self.document = completed(document)
        self._endpoints = endpoints(self.document, self.metrics)
        own = [Route(path, GET) for path in (READY, *self._endpoints)]
        replaced = {route.path for route in own}
        self.table = RouteTable([*own, *(one for one in routes if one.path not in replaced)], self.document)

    def answer(self, match: Match, method: str) -> Answer | None:
        """Answer what the framework need not be asked about; readiness is the plumbing's."""
        if method == "OPTIONS" and match.operation is None and match.allow:
            return Answer(HTTPStatus.NO_CONTENT, headers={"allow": match.allow})
        endpoint = self._endpoints.get(match.template)
        return endpoint() if endpoint is not None else None
