"""Who sends: the signatures of each scheme, made by the book and by hand."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kata.steps import Draw

STANDARD, GITHUB, STRIPE, HMAC = "standard-webhooks", "github", "stripe", "hmac"
FAMILIES = ("webhook", "svix")


@dataclass(frozen=True)
class Source:
    """A source as it was made, with the secrets that were shown."""

    name: str
    scheme: str
    secret: str
    signing_secret: str
    sink: str  # its path, by which calls are told apart
    target: str  # the same with its query
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/in/{self.name}"

    @property
    def key(self) -> bytes:
        """The bytes that its secret stands for."""
        return key_of(self.secret) if self.scheme == STANDARD else self.secret.encode()


def key_of(secret: str) -> bytes:
    """Read whsec_, with its padding or without."""
    text = secret.removeprefix("v1,").removeprefix("whsec_")
    return base64.b64decode(text + "=" * (-len(text) % 4))


def whsec(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


def random_bytes(draw: Draw, size: int) -> bytes:
    return bytes(draw.integer(0, 255) for _ in range(size))


def seconds(offset: float = 0.0) -> str:
    """Return the time as senders write it."""
    return str(int(time.time() + offset))


def signed(message_id: str, timestamp: str, body: bytes) -> bytes:
    return b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)


def v1(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.digest(key, signed(message_id, timestamp, body), "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def standard(
    key: bytes, message_id: str, body: bytes, timestamp: str | None = None, family: str = "webhook"
) -> dict[str, str]:
    """Return the headers of Standard Webhooks."""
    timestamp = timestamp or seconds()
    return family_headers(family, message_id, timestamp, v1(key, message_id, timestamp, body))


def family_headers(family: str, message_id: str, timestamp: str, signature: str) -> dict[str, str]:
    return {
        f"{family}-id": message_id,
        f"{family}-timestamp": timestamp,
        f"{family}-signature": signature,
    }


@dataclass(frozen=True)
class KeyPair:
    """A sender's ed25519 key, and the public half as a source takes it."""

    private: Ed25519PrivateKey

    @property
    def public_bytes(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def public(self) -> str:
        return f"whpk_{base64.b64encode(self.public_bytes).decode()}"

    def v1a(self, message_id: str, timestamp: str, body: bytes) -> str:
        signature = self.private.sign(signed(message_id, timestamp, body))
        return f"v1a,{base64.b64encode(signature).decode()}"


def key_pair(draw: Draw) -> KeyPair:
    return KeyPair(Ed25519PrivateKey.from_private_bytes(random_bytes(draw, 32)))


def github(secret: str, body: bytes, delivery: str) -> dict[str, str]:
    """Return the headers of GitHub, which sends the old kind of signature beside."""
    key = secret.encode()
    return {
        "X-GitHub-Delivery": delivery,
        "X-GitHub-Event": "push",
        "X-Hub-Signature": f"sha1={hmac.new(key, body, hashlib.sha1).hexdigest()}",
        "X-Hub-Signature-256": f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}",
    }


def stripe_v1(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def stripe(
    secret: str, body: bytes, timestamp: str | None = None, extra: Sequence[str] = ()
) -> dict[str, str]:
    """Return the header of Stripe, with other elements beside."""
    timestamp = timestamp or seconds()
    parts = [f"t={timestamp}", f"v1={stripe_v1(secret, timestamp, body)}", *extra]
    return {"Stripe-Signature": ",".join(parts)}


def odd_bodies(draw: Draw) -> list[bytes]:
    """Return what a parser would spoil, refuse or be brought down by."""
    word = draw.word()
    return [
        f'{{"name": "{word} 👩‍🚀 é", "n": 1.0}}'.encode(),
        f'{{ "b" : 2,\n "a" : [1 ,2], "{word}": "\\u00e9\\/" }}\r\n'.encode(),
        f'{{"{word}": 12345678901234567890123, "{word}": NaN}}'.encode(),
        b"\xff\xfe\x00" + word.encode(),
        b'{"not": json' + word.encode(),
        b"[" * 3000 + word.encode(),
        f"a={word}&b=%20+%zz".encode(),
        b"\n \n" + word.encode() + b"\n\n",
    ]
