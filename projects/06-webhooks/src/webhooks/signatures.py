"""Which deliveries are by whom they say: each scheme read strictly, and checked over the bytes as they came.

First the headers are read, which needs no secret: what is missing, repeated or no such thing is malformed.
Then each signature is compared with what each secret would sign, in constant time. A signature that is
malformed is one that does not match: no HMAC is ever decoded, so nothing in it can fail. A key is tried with
signatures of its own kind only, and none ever comes from the request.

Sources: Standard Webhooks, "Signature scheme"; GitHub, "Validating webhook deliveries"; Stripe, "Verify
webhook signatures manually".
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from webhooks.domain import HmacScheme, Scheme, Secret, Source
from webhooks.errors import BadSignatureError, MalformedHeadersError

if TYPE_CHECKING:
    from _hashlib import HASH

type Headers = Mapping[str, Sequence[bytes]]
"""Names in lower case, and the value of each line."""

MOST_SIGNATURES: Final = 16
FAMILIES: Final = tuple(
    tuple(f"{family}-{part}" for part in ("id", "timestamp", "signature")) for family in ("webhook", "svix")
)
MESSAGE_ID: Final = re.compile(rb"[\x21-\x2d\x2f-\x7e]{1,255}")
"""Without a full stop, which separates what is signed: else two messages would have one signature."""
TIMESTAMP: Final = re.compile(rb"[0-9]{1,12}")
GITHUB_HEADER: Final = "x-hub-signature-256"
STRIPE_HEADER: Final = "stripe-signature"


@dataclass(frozen=True, slots=True)
class Presented:
    """What the headers of a delivery say: `before`, the body and `after` are signed."""

    signatures: tuple[bytes, ...]
    public_signatures: tuple[bytes, ...] = ()
    before: bytes = b""
    after: bytes = b""
    algorithm: str = "sha256"
    encoding: str = "hex"
    message_id: str | None = None
    timestamp: int | None = None


def verify(
    source: Source, secrets: Iterable[Secret], headers: Headers, body: bytes, now: datetime, tolerance: float
) -> tuple[Secret, Presented]:
    """Return the secret that a delivery was signed with, and what its headers say.

    Raises: MalformedHeadersError, BadSignatureError.
    """
    presented = present(source, headers)
    if not presented.signatures and not presented.public_signatures:
        raise BadSignatureError("no_signature", "There is no signature of a kind that this source takes.")
    active = [secret for secret in secrets if secret.not_after is None or now < secret.not_after]
    for secret in active:
        if matches(presented, secret, body):
            check_time(presented.timestamp, now, tolerance)
            return secret, presented
    raise BadSignatureError("no_match", "No signature is by a secret of this source.")


def check_time(timestamp: int | None, now: datetime, tolerance_seconds: float) -> None:
    """Refuse what was signed too long ago, or too far ahead.

    Raises: BadSignatureError.
    """
    if timestamp is None:
        return
    age_seconds = now.timestamp() - timestamp
    if age_seconds > tolerance_seconds:
        raise BadSignatureError("stale_timestamp", "It was signed too long ago.")
    if age_seconds < -tolerance_seconds:
        raise BadSignatureError("future_timestamp", "It was signed too far ahead of this clock.")


def matches(presented: Presented, secret: Secret, body: bytes) -> bool:
    """Tell whether one of the signatures is by this secret, over these bytes."""
    signed = b"".join((presented.before, body, presented.after))
    if secret.kind == "ed25519":
        return any(_is_by(secret.key, signature, signed) for signature in presented.public_signatures)
    digest = hmac_digest(secret.key, signed, presented.algorithm)
    wanted = base64.b64encode(digest) if presented.encoding == "base64" else digest.hex().encode()
    # Each is compared, also after a match: how long it takes says nothing.
    return any([hmac.compare_digest(wanted, signature) for signature in presented.signatures])  # noqa: C419


def hmac_digest(key: bytes, message: bytes, algorithm: str) -> bytes:
    """Return what `hmac.digest` does, in half of its time: what depends on the key alone is done once.

    Source: RFC 2104, sections 2 and 4.
    """
    inner, outer = (half.copy() for half in _halves(key, algorithm))
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=1024)
def _halves(key: bytes, algorithm: str) -> tuple["HASH", "HASH"]:
    empty = hashlib.new(algorithm)
    if len(key) > empty.block_size:
        key = hashlib.new(algorithm, key).digest()
    block = key.ljust(empty.block_size, b"\0")
    inner, outer = empty.copy(), empty
    inner.update(bytes(byte ^ 0x36 for byte in block))
    outer.update(bytes(byte ^ 0x5C for byte in block))
    return inner, outer


def present(source: Source, headers: Headers) -> Presented:
    """Read the headers of a scheme.

    Raises: MalformedHeadersError.
    """
    match source.scheme:
        case Scheme.STANDARD:
            return _standard(headers)
        case Scheme.GITHUB:
            line = _once(headers, GITHUB_HEADER) or b""
            return Presented((line[7:],) if line.startswith(b"sha256=") else ())
        case Scheme.STRIPE:
            return _stripe(headers)
        case Scheme.HMAC:
            return _configured(source.hmac, headers)


def _standard(headers: Headers) -> Presented:
    families = [names for names in FAMILIES if not headers.keys().isdisjoint(names)]
    if len(families) > 1:
        raise MalformedHeadersError("mixed_headers", "webhook-* and svix-* are given, and only one may be.")
    names = families[0] if families else FAMILIES[0]
    message_id, timestamp, line = (_once(headers, name) for name in names)
    if message_id is None or not MESSAGE_ID.fullmatch(message_id):
        raise MalformedHeadersError("malformed_id", "webhook-id is no id.")
    moment = _timestamp(timestamp)
    pairs = [part.partition(b",") for part in _capped((line or b"").split(b" "))]
    return Presented(
        signatures=tuple(text for version, _, text in pairs if version == b"v1"),
        public_signatures=tuple(text for version, _, text in pairs if version == b"v1a"),
        before=b".".join((message_id, timestamp or b"", b"")),
        encoding="base64",
        message_id=message_id.decode(),
        timestamp=moment,
    )


def _stripe(headers: Headers) -> Presented:
    line = _once(headers, STRIPE_HEADER)
    if line is None:
        return Presented(())
    pairs = [part.strip().partition(b"=") for part in _capped(line.split(b","))]
    moments = [value for name, _, value in pairs if name == b"t"]
    if len(moments) != 1:
        raise MalformedHeadersError("malformed_timestamp", "Stripe-Signature has t once.")
    moment = _timestamp(moments[0])
    signatures = tuple(value for name, _, value in pairs if name == b"v1")
    return Presented(signatures, before=moments[0] + b".", timestamp=moment)


def _configured(scheme: HmacScheme | None, headers: Headers) -> Presented:
    if scheme is None:
        raise TypeError("a source with this scheme says how it signs")
    line = _once(headers, scheme.signature_header) or b""
    message_id = _once(headers, scheme.id_header) if scheme.id_header else None
    if scheme.id_header and (message_id is None or not MESSAGE_ID.fullmatch(message_id)):
        raise MalformedHeadersError("malformed_id", f"{scheme.id_header} is no id.")
    timestamp = _once(headers, scheme.timestamp_header) if scheme.timestamp_header else None
    moment = _timestamp(timestamp) if scheme.timestamp_header else None
    before, after = scheme.signed.encode().split(b"{body}")
    prefix = scheme.prefix.encode()
    return Presented(
        (line.removeprefix(prefix),) if line.startswith(prefix) and line != prefix else (),
        before=_filled(before, message_id, timestamp),
        after=_filled(after, message_id, timestamp),
        algorithm=scheme.algorithm,
        encoding=scheme.encoding,
        message_id=message_id.decode() if message_id else None,
        timestamp=moment,
    )


def _filled(template: bytes, message_id: bytes | None, timestamp: bytes | None) -> bytes:
    return template.replace(b"{timestamp}", timestamp or b"").replace(b"{id}", message_id or b"")


def _once(headers: Headers, name: str) -> bytes | None:
    lines = headers.get(name, ())
    if len(lines) > 1:
        raise MalformedHeadersError("repeated_header", f"{name} may be given once.")
    return lines[0] if lines else None


def _timestamp(text: bytes | None) -> int:
    if text is None or not TIMESTAMP.fullmatch(text):
        raise MalformedHeadersError("malformed_timestamp", "The timestamp is seconds since 1970, in digits.")
    return int(text)


def _capped(parts: list[bytes]) -> list[bytes]:
    if len(parts) > MOST_SIGNATURES:
        raise MalformedHeadersError(
            "too_many_signatures", f"There are more than {MOST_SIGNATURES} signatures."
        )
    return parts


def _is_by(key: bytes, text: bytes, signed: bytes) -> bool:
    try:
        signature = base64.b64decode(text, validate=True)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except (ValueError, InvalidSignature):
        return False
    return base64.b64encode(signature) == text


def signed_headers(secret_key: bytes, message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Sign a message anew, as Standard Webhooks does it."""
    timestamp = str(int(sent_at.timestamp()))
    digest = hmac.digest(secret_key, b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body), "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
