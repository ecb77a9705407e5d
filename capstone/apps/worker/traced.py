"""A span for each call to somebody else's, which is told by a `traceparent` whose it is."""

from collections.abc import Mapping

from service_kit.outgoing import Answer, Poster
from service_kit.tracers import Tracer
from service_kit.tracing import current

SUCCESS = range(200, 300)


class TracedPoster:
    """Posts as `Poster` does. Where to is not said: a destination may have a secret in each of its parts."""

    def __init__(self, poster: Poster, tracer: Tracer) -> None:
        self._poster = poster
        self._tracer = tracer

    async def post(self, destination: str, headers: Mapping[str, str], body: bytes) -> Answer:
        with self._tracer.span("POST", "client") as span:
            span.attributes["http.request.method"] = "POST"
            traced = {**headers, "traceparent": current()} if current() else headers
            answer = await self._poster.post(destination, traced, body)
            span.attributes["http.response.status_code"] = answer.status
            span.is_error = answer.status not in SUCCESS
        return answer
