"""Who makes spans: nobody, unless a setting names a collector. Only then OpenTelemetry is imported."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from service_kit.tracing import Kind, Span


def check_collector(url: str) -> str:
    if url and not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._/-]*)?", url):
        raise ValueError("it is http://host:port, or https://, and has no query and no credentials")
    return url


class TracingSettings(BaseSettings):
    """What each process reads that is traced."""

    otel_exporter_otlp_endpoint: Annotated[
        str,
        AfterValidator(check_collector),
        Field(description="Where a collector takes traces, by OTLP over HTTP; none are made without it"),
    ] = ""


class Tracer(Protocol):
    """Makes spans, and has them sent."""

    def span(self, name: str, kind: Kind, parent: str = "") -> AbstractContextManager[Span]:
        """Open a span, below the one that a `traceparent` names, or the one that is open, or none."""
        ...

    def close(self) -> None:
        """Send what is there, for as long as a stop may wait for it."""
        ...


class NoTracer:
    """Makes none."""

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str = "") -> Iterator[Span]:
        del kind, parent
        yield Span(name)

    def close(self) -> None:
        pass


def tracer_of(collector: str, service: str) -> Tracer:
    """Return what traces a service; call it in the process whose spans it makes."""
    if not collector:
        return NoTracer()
    from service_kit.open_telemetry import OpenTelemetry  # noqa: PLC0415 - only who is traced pays for it

    return OpenTelemetry(collector, service)
