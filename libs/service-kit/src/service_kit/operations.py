"""The routes that every service has: health, readiness, metrics, and the document of its API in two forms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from service_kit import docs, json_text, metrics
from service_kit.json_text import Json
from service_kit.metrics import Metrics
from service_kit.problems import CONTENT_TYPE, Problem, of_status
from service_kit.stop import is_stopping

READY = "/ready"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, in no framework's terms."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def phrase(self) -> str:
        return f"{self.status} {of_status(self.status).title}"

    def complete_headers(self) -> list[tuple[str, str]]:
        """Return the headers, with the length of the body where there may be one."""
        length = [] if self.status == 204 else [("content-length", str(len(self.body)))]  # noqa: PLR2004
        return [*((name.lower(), value) for name, value in self.headers.items()), *length]


def json_answer(document: object, status: int = 200) -> Answer:
    """Answer with JSON."""
    return Answer(status, json_text.render(document), {"content-type": "application/json"})


def problem_answer(problem: Problem, path: str, request_id: str) -> Answer:
    """Answer with a problem."""
    body = json_text.render(problem.document(path, request_id))
    return Answer(problem.status, body, {"content-type": CONTENT_TYPE, **problem.headers})


def health() -> Answer:
    """Say that the process is alive, and goes on: what a proxy asks, which is no affair of its stores."""
    return json_answer({"status": "stopping"}, 503) if is_stopping() else json_answer({"status": "ok"})


def endpoints(document: Mapping[str, Json], numbers: Metrics) -> dict[str, Callable[[], Answer]]:
    """Make what answers on each path, except for readiness, which may have to wait."""
    openapi = json_answer(document)
    policy = {"content-security-policy": docs.CONTENT_SECURITY_POLICY}
    page = Answer(200, docs.page(document).encode(), {"content-type": "text/html; charset=utf-8", **policy})
    return {
        "/health": health,
        "/metrics": lambda: Answer(200, numbers.exposition(), {"content-type": metrics.CONTENT_TYPE}),
        "/openapi.json": lambda: openapi,
        "/docs": lambda: page,
    }
