"""Why a delivery did not verify: the known mistakes are tried, one after another, until one explains it."""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from webhooks.domain import KnownSource, Secret
from webhooks.errors import MalformedHeadersError
from webhooks.keys import SYMMETRIC
from webhooks.signatures import Headers, Presented, matches, present

UNKNOWN: Final = "unknown"
CLOCK: Final = {"stale_timestamp", "future_timestamp"}

type Diagnosis = tuple[str, str | None]
"""A word for the cause, and more about it."""


def diagnose(
    known: KnownSource,
    everybody: Iterable[KnownSource],
    headers: Headers,
    body: bytes,
    received_at: datetime,
    reason: str,
) -> Diagnosis:
    """Find the cause of a rejection. What is malformed is its own cause."""
    try:
        presented = present(known.source, headers)
    except MalformedHeadersError:
        return reason, None
    if reason in CLOCK and presented.timestamp is not None:
        seconds = received_at.timestamp() - presented.timestamp
        return "clock_skew", f"{abs(seconds):.0f} s {'behind' if seconds > 0 else 'ahead'}"
    if not presented.signatures and not presented.public_signatures:
        return reason, None
    return next(_explanations(known, everybody, presented, body), (UNKNOWN, None))


def _explanations(
    known: KnownSource, everybody: Iterable[KnownSource], presented: Presented, body: bytes
) -> Iterator[Diagnosis]:
    own = known.secrets
    if any(matches(presented, secret, body) for secret in own):
        yield "expired_secret", None
    for other in everybody:
        is_other = other.source.id != known.source.id
        if is_other and any(matches(presented, secret, body) for secret in other.secrets):
            yield "secret_of_another_source", other.source.name
    if any(matches(presented, secret, body) for secret in _misread(own)):
        yield "misread_secret", None
    for cause, variants in (("final_newline", _newlines(body)), ("reserialized_json", _serializations(body))):
        if any(matches(presented, secret, variant) for secret in own for variant in variants):
            yield cause, None
    if any(matches(_other_encoding(presented), secret, body) for secret in own):
        yield "wrong_encoding", None


def _misread(secrets: Iterable[Secret]) -> Iterator[Secret]:
    """Return the keys that come of whsec_ when it is taken literally, or decoded where it is literal."""
    for secret in secrets:
        if secret.text.startswith(SYMMETRIC):
            bare = secret.text.removeprefix(SYMMETRIC)
            yield replace(secret, key=secret.text.encode())
            yield replace(secret, key=bare.encode())
            try:
                yield replace(secret, key=base64.b64decode(bare + "=" * (-len(bare) % 4)))
            except (binascii.Error, ValueError):
                continue


def _newlines(body: bytes) -> Sequence[bytes]:
    return [body + b"\n", body + b"\r\n", body.removesuffix(b"\n"), body.removesuffix(b"\r\n")]


def _serializations(body: bytes) -> Sequence[bytes]:
    """Return how others would write the same JSON: compact or not, indented, escaped, sorted."""
    try:
        document = json.loads(body)
        return [
            json.dumps(
                document, separators=separators, indent=indent, ensure_ascii=escaped, sort_keys=in_order
            ).encode()
            for separators, indent in (((",", ":"), None), ((", ", ": "), None), ((",", ": "), 2))
            for escaped in (False, True)
            for in_order in (False, True)
        ]
    except (ValueError, RecursionError):
        return []


def _other_encoding(presented: Presented) -> Presented:
    return replace(presented, encoding="hex" if presented.encoding == "base64" else "base64")
