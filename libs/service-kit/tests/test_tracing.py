"""Spans, as a collector gets them: a server on this machine that answers, refuses, or says nothing."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Reply
from service_kit import logs, open_telemetry, tracing
from service_kit.open_telemetry import OpenTelemetry
from service_kit.tracers import Tracer, TracingSettings, tracer_of

TRACES = "/v1/traces"
PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.fixture
def tracer(callback_server: CallbackServer) -> Iterator[Tracer]:
    made = tracer_of(callback_server.url(""), "kettle")
    yield made
    made.close()


def test_who_is_not_traced_imports_nothing_and_has_no_trace() -> None:
    code = (
        "import sys; from service_kit import tracing, tracers\n"
        "with tracers.tracer_of('', 'kettle').span('boil', 'server') as span: span.is_error = True\n"
        "print(repr(tracing.current()), [name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "'' []\n"


def test_a_span_is_sent_with_what_is_said_of_it(callback_server: CallbackServer, tracer: Tracer) -> None:
    with suppress(OSError), tracer.span("boil", "server", PARENT) as span:
        span.name, span.attributes["cups"] = "boil water", 2
        inside = tracing.current()
        with tracer.span("heat", "client"):
            pass
        raise OSError("its text is nobody's business")
    tracer.close()
    (received,) = callback_server.received(TRACES)
    (resource,) = ExportTraceServiceRequest.FromString(received.body).resource_spans
    inner, outer = resource.scope_spans[0].spans
    names = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert names["service.name"] == "kettle"
    assert inside == f"00-{'a' * 32}-{outer.span_id.hex()}-01"
    assert (outer.name, outer.parent_span_id.hex(), outer.status.code) == ("boil water", "b" * 16, 2)
    assert [(one.key, one.value.int_value) for one in outer.attributes] == [("cups", 2)]
    assert (inner.trace_id, inner.parent_span_id) == (outer.trace_id, outer.span_id)
    assert not outer.events
    assert not outer.status.message
    assert tracing.current() == ""


@pytest.mark.parametrize("parent", ["", "x", f"00-{'0' * 32}-{'b' * 16}-01", f"ff-{'a' * 32}-{'b' * 16}-01"])
def test_what_names_no_span_begins_a_trace(tracer: Tracer, parent: str) -> None:
    with tracer.span("boil", "server", parent):
        assert len(tracing.trace_id()) == 32
        assert tracing.trace_id() not in {"0" * 32, "a" * 32}


def test_log_lines_name_the_trace(tracer: Tracer, capsys: pytest.CaptureFixture[str]) -> None:
    with tracer.span("boil", "server", PARENT):
        logs.access_line("GET", "/", 200, 0.1, "")
    logs.access_line("GET", "/", 200, 0.1, "")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("trace_id") for line in lines] == ["a" * 32, None]


@pytest.mark.parametrize("away", [Reply.hang, Reply.reset])
def test_nobody_waits_for_a_collector(
    callback_server: CallbackServer, away: Callable[[], Reply], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_telemetry, "LAST_WORD_SECONDS", 0.2)
    callback_server.program(TRACES, away())
    tracer = OpenTelemetry(callback_server.url("/"), "kettle")
    began = time.monotonic()
    for _ in range(3_000):  # more than the queue takes
        with tracer.span("boil", "server"):
            pass
    tracer.close()
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("url", ["collector:4318", "http://a:b@collector", "http://collector?a=b", "http://"])
def test_what_is_no_collector_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        TracingSettings(otel_exporter_otlp_endpoint=url)
