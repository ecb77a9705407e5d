"""How long it takes to verify a delivery of 300 bytes."""

import json
import subprocess
import time
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from sender import BODY_BYTES

from webhooks.domain import Scheme, Secret, Source, SourceState
from webhooks.signatures import Headers, matches, present, signed_headers, verify

CHECKED, VERIFIED, LIBRARY = (
    "the signature alone",
    "headers, time and signature",
    "standardwebhooks, and JSON",
)
REPEATS, CALLS = 50, 2000
PEER = """
import json, sys, time, timeit
from standardwebhooks import Webhook
secret, body, headers = json.loads(sys.stdin.read())
webhook, raw = Webhook(secret), body.encode()
call = lambda: webhook.verify(raw, headers)
print(min(timeit.repeat(call, number={calls}, repeat={repeats}, timer=time.process_time)))
"""


def verification_us(peer_python: Path, key: bytes, secret: str) -> dict[str, float]:
    """Return microseconds of processor time."""
    now = datetime.now(UTC)
    body = b'{"note": "%s"}' % (b"x" * (BODY_BYTES - 12))
    given = signed_headers(key, "msg_123456789012", now, body)
    headers: Headers = {name: [value.encode()] for name, value in given.items()}
    source = Source(uuid4(), "shop", Scheme.STANDARD, SourceState.ACTIVE, "https://example.com/", now)
    known = Secret(uuid4(), "hmac", key, secret, None, now)
    presented = present(source, headers)
    return {
        CHECKED: lowest_us(lambda: matches(presented, known, body)),
        VERIFIED: lowest_us(lambda: verify(source, [known], headers, body, now, 300.0)),
        LIBRARY: peer_us(peer_python, [secret, body.decode(), given]),
    }


def lowest_us(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=CALLS, repeat=REPEATS, timer=time.process_time)) / CALLS * 1e6


def peer_us(python: Path, delivery: list[object]) -> float:
    script = PEER.format(calls=CALLS, repeats=REPEATS)
    done = subprocess.run(
        [str(python), "-c", script], input=json.dumps(delivery), capture_output=True, text=True, check=True
    )
    return float(done.stdout) / CALLS * 1e6
