"""By what a source's events are told apart, and which of them have to keep their order.

A key that is not there must not be taken for one: two events without an id are two events. Then the body
is the key, and only bytes that are the same are the same event.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from service_kit import json_text
from service_kit.json_text import Json
from webhooks.domain import EventKey, Scheme, Source
from webhooks.signatures import Headers

LONGEST_KEY: Final = 255
GITHUB_KEY_HEADER: Final = "x-github-delivery"
STRIPE_KEY_POINTERS: Final = ("/id",)


def event_key(source: Source, message_id: str | None, headers: Headers, body: bytes) -> EventKey:
    """Return the key of an event: from the header or the pointers of its source, else its signed id."""
    header = source.key_header or (GITHUB_KEY_HEADER if source.scheme is Scheme.GITHUB else None)
    pointers = source.key_pointers or (STRIPE_KEY_POINTERS if source.scheme is Scheme.STRIPE else ())
    if source.key_pointers or (pointers and not source.key_header):
        parts = values_at(pointers, body)
        if parts is not None:
            return EventKey(_bounded(json_text.render(parts).decode()), "pointers")
    elif header is not None:
        lines = headers.get(header, ())
        if len(lines) == 1 and lines[0]:
            return EventKey(_bounded(lines[0].decode("latin-1")), "header")
    elif message_id is not None:
        return EventKey(_bounded(message_id), "id")
    return EventKey(hashlib.sha256(body).hexdigest(), "body")


def ordering_key(source: Source, body: bytes) -> str | None:
    """Return what an event shares with those that have to stay in order with it; None: with none."""
    if source.ordering_pointer is None:
        return None
    parts = values_at((source.ordering_pointer,), body)
    return None if parts is None else _bounded(json_text.render(parts).decode())


def values_at(pointers: Sequence[str], body: bytes) -> list[Json] | None:
    """Return the text, number or boolean at each JSON pointer; None if one of them is not there.

    Source: RFC 6901.
    """
    try:
        document = json_text.parse(body)
    except json_text.InvalidJsonError:
        return None
    values = [value_at(pointer, document) for pointer in pointers]
    if any(value is None or isinstance(value, list | dict) for value in values):
        return None
    return values


def value_at(pointer: str, document: Json) -> Json:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, Mapping):
            document = document.get(name)
        elif isinstance(document, list) and name.isascii() and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document


def _bounded(key: str) -> str:
    """Keep a long key by its digest: an index has room for some 2700 bytes."""
    return key if len(key) <= LONGEST_KEY else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
