"""A collector of traces, as far as a check asks: it reads OTLP over HTTP, as protobuf or as JSON.

Source: OpenTelemetry Protocol 1.x, trace_service.proto and trace.proto; Protocol Buffers, "Encoding".
"""

import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from kata.steps import CallbackServer, Received, expect

from .saas import Json, objects

PATH: Final = "/collector"
TRACES: Final = f"{PATH}/v1/traces"
ARRIVAL_SECONDS: Final = 15.0
KINDS: Final = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
LENGTHS: Final = {1: 8, 5: 4}


@dataclass(frozen=True)
class Span:
    """What was done, in which trace, and below what."""

    trace: str
    id: str
    parent: str
    name: str
    kind: str
    attributes: Mapping[str, object] = field(default_factory=dict)


def collected(sink: CallbackServer) -> list[Span]:
    """Return all that has arrived so far."""
    return [span for request in sink.received(TRACES) for span in spans_of(request)]


def arrived(sink: CallbackServer, trace: str, is_complete: Callable[[list[Span]], bool]) -> list[Span]:
    """Wait until a trace is complete, and return it; or what there is of it when the time is up."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while True:
        found = [span for span in collected(sink) if span.trace == trace]
        if is_complete(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def sent(request: Received) -> bytes:
    is_packed = request.header("content-encoding") == "gzip"
    return gzip.decompress(request.body) if is_packed else request.body


def spans_of(request: Received) -> list[Span]:
    """Read what is sent to a collector."""
    try:
        body = sent(request)
        if (request.header("content-type") or "").startswith("application/json"):
            return list(from_json(json.loads(body)))
        scopes = (scope for each in inside(body, 1) for scope in inside(each, 2))
        return [from_protobuf(span) for scope in scopes for span in inside(scope, 2)]
    except (ValueError, IndexError, KeyError, OSError) as error:
        expect(False, expected="spans as OTLP has them", got=repr(error))
        return []


def from_json(document: Json) -> Iterator[Span]:
    for each in objects(document["resourceSpans"]):
        for scope in objects(each["scopeSpans"]):
            for span in objects(scope["spans"]):
                said = {str(one["key"]): one["value"] for one in objects(span.get("attributes", []))}
                values = {
                    name: next(iter(value.values()))
                    for name, value in said.items()
                    if isinstance(value, dict)
                }
                kind = KINDS.get(int(str(span.get("kind", 0))), "other")
                ids = str(span["traceId"]), str(span["spanId"]), str(span.get("parentSpanId", ""))
                yield Span(*ids, str(span["name"]), kind, values)


def from_protobuf(message: bytes) -> Span:
    found = dict(members(message))
    trace, own, parent, name = (as_bytes(found.get(number, b"")) for number in (1, 2, 4, 5))
    attributes: dict[str, object] = {}
    for one in inside(message, 9):
        pair = dict(members(one))
        value = next((value for _, value in members(as_bytes(pair.get(2, b"")))), b"")
        attributes[as_bytes(pair[1]).decode()] = value.decode() if isinstance(value, bytes) else value
    kind = KINDS.get(int(str(found.get(6, 0))), "other")
    return Span(trace.hex(), own.hex(), parent.hex(), name.decode(), kind, attributes)


def as_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where there is to be a text or a message")  # noqa: TRY004 - of the sender's
    return value


def inside(message: bytes, number: int) -> list[bytes]:
    """Return the messages that stand in one, in the field of that number."""
    return [as_bytes(value) for found, value in members(message) if found == number]


def members(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Read the fields of a message: integers, and all else as the bytes that it is."""
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(message, at)
            yield tag >> 3, value
            continue
        length, at = (LENGTHS[kind], at) if kind in LENGTHS else varint(message, at)
        yield tag >> 3, message[at : at + length]
        at += length


def varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = message[at] & 127, 7
    while message[at] & 128:
        at += 1
        value |= (message[at] & 127) << shift
        shift += 7
    return value, at + 1
