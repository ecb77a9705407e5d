"""How long it takes from the answer to a delivery until its destination is called."""

import http.client
import time
from itertools import islice

from sender import PATH, deliveries

from kata.network.callback_server import CallbackServer

WARM_UP = 20
PAUSE_SECONDS = 0.01
PATIENCE_SECONDS = 30.0


def forwarded_after_ms(port: int, key: bytes, sink: CallbackServer, amount: int) -> list[float]:
    """Send so many deliveries, one after another, and return how long each took from its answer to its call.

    Raises SystemExit: an answer was no 202, or the destination was not called for each.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    answered: dict[str, float] = {}
    for number, request in enumerate(islice(deliveries(key), WARM_UP + amount), 1):
        connection.request("POST", PATH, request.body, dict(request.headers))
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.ACCEPTED:
            raise SystemExit(f"{answer.status} for a delivery")
        answered[request.headers["webhook-id"]] = time.monotonic()
        if number <= WARM_UP:  # a worker may have to start first
            sink.wait_for("/events", number, PATIENCE_SECONDS)
        time.sleep(PAUSE_SECONDS)
    connection.close()
    calls = sink.wait_for("/events", len(answered), PATIENCE_SECONDS)
    called = {call.header("webhook-id"): call.started for call in calls}
    if len(called) < len(answered):
        raise SystemExit(f"{len(called)} of {len(answered)} were forwarded")
    waits_ms = [max(0.0, called[name] - moment) * 1000 for name, moment in answered.items()]
    return waits_ms[WARM_UP:]
