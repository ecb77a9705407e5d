"""Sends deliveries that are all new and in order: `python sender.py PORT CONNECTIONS SECRET AMOUNT`.

It makes and signs so many before each measurement, so that none of that is measured.
"""

import base64
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

from kata.bench.load import Request, Turns, measure_each_line
from webhooks.signatures import signed_headers

PATH = "/in/shop"
BODY_BYTES = 300


def deliveries(key: bytes) -> Iterator[Request]:
    """Make deliveries without end, of 300 bytes each."""
    run = os.urandom(6).hex()
    for number in count():
        document = {"type": "order.paid", "id": f"{run}-{number}", "note": ""}
        document["note"] = "x" * (BODY_BYTES - len(json.dumps(document)))
        yield delivery(key, f"msg_{run}{number}", json.dumps(document))


def delivery(key: bytes, message_id: str, body: str) -> Request:
    headers = signed_headers(key, message_id, datetime.now(UTC), body.encode())
    return Request(PATH, "POST", {"Content-Type": "application/json", **headers}, body, 202)


def ready_made(key: bytes, amount: int) -> Turns:
    made = deliveries(key)
    return iter([(next(made).encoded(), b"HTTP/1.1 202") for _ in range(amount)])


def main() -> None:
    port, connections, secret, amount = sys.argv[1:]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    measure_each_line(int(port), int(connections), lambda: ready_made(key, int(amount)))


if __name__ == "__main__":
    main()
