"""How the service is: health, readiness, numbers, and the document of its API in two forms."""

from collections.abc import Sequence
from typing import Final

from litestar import MediaType, Response, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from mini_rest.permissions import Permission
from service_kit import docs, health, json_text, metrics

HTML: Final = "text/html"


@get("/health", needs=Permission.PUBLIC, include_in_schema=False, sync_to_thread=False)
def alive() -> dict[str, str]:
    """Say that the process is alive. It touches nothing."""
    return {"status": "ok"}


@get("/ready", needs=Permission.PUBLIC, include_in_schema=False)
async def ready(state: State) -> Response[object]:
    """Ask what this process cannot do without."""
    status, document = await health.report_async(state.readiness, state.readiness_timeout_seconds)
    return Response(document, status_code=status)


@get(
    "/metrics", needs=Permission.PUBLIC, include_in_schema=False, produces="text/plain", sync_to_thread=False
)
def numbers(state: State) -> Response[bytes]:
    """Return what Prometheus reads."""
    media_type = metrics.CONTENT_TYPE.removesuffix("; charset=utf-8")  # Litestar adds it
    return Response(state.metrics.exposition(), media_type=media_type)


@get("/openapi.json", needs=Permission.PUBLIC, include_in_schema=False, sync_to_thread=False)
def document(state: State) -> Response[bytes]:
    """Return the description of the API."""
    return Response(json_text.render(state.document), media_type=MediaType.JSON)


@get("/docs", needs=Permission.PUBLIC, include_in_schema=False, produces=HTML, sync_to_thread=False)
def page(state: State) -> Response[bytes]:
    """Return the same for people."""
    policy = {"Content-Security-Policy": docs.CONTENT_SECURITY_POLICY}
    return Response(docs.page(state.document).encode(), media_type=HTML, headers=policy)


HANDLERS: Final[Sequence[HTTPRouteHandler]] = [alive, ready, numbers, document, page]
