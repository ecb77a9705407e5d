"""Spans by OpenTelemetry's SDK. They are queued, and a thread of the SDK's sends them: nobody waits for it.

A queue that is full, because the collector is away, loses the newest.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service_kit.daemon_thread import on_daemon_thread
from service_kit.tracing import Kind, Span, current, opened

SEND_EVERY_SECONDS: Final = 1.0
SEND_TIMEOUT_SECONDS: Final = 3.0
LAST_WORD_SECONDS: Final = 1.0
PROPAGATOR: Final = TraceContextTextMapPropagator()
KINDS: Final = {"server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER, "client": SpanKind.CLIENT}


class OpenTelemetry:
    """One process's."""

    def __init__(self, collector: str, service: str) -> None:
        exporter = OTLPSpanExporter(f"{collector.rstrip('/')}/v1/traces", timeout=SEND_TIMEOUT_SECONDS)
        queue = BatchSpanProcessor(exporter, schedule_delay_millis=SEND_EVERY_SECONDS * 1000)
        resource = Resource.create({SERVICE_NAME: service})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(queue)
        self._tracer = self._provider.get_tracer("service_kit")

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str = "") -> Iterator[Span]:
        above = PROPAGATOR.extract({"traceparent": parent or current()}, Context())
        made = self._tracer.start_span(name, above, KINDS[kind])
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier, set_span_in_context(made, Context()))
        said = Span(name)
        try:
            with opened(carrier["traceparent"]):
                yield said
        except BaseException:
            said.is_error = True  # and not its text: it may say what nobody else is to read
            raise
        finally:
            made.update_name(said.name)
            made.set_attributes(dict(said.attributes))
            if said.is_error:
                made.set_status(StatusCode.ERROR)
            made.end()

    def close(self) -> None:
        # The SDK itself would wait for half a minute.
        with suppress(TimeoutError):
            on_daemon_thread(self._provider.shutdown, "last spans").result(LAST_WORD_SECONDS)
