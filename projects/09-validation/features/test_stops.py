"""Steps of stops.feature: streams that outlast a signal."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Service, Stream, World, describe_stop, expect, wait_until

from .api import CLOCK_SECONDS, GRACE_SECONDS, SCHEMAS, Api, Json
from .lines import NDJSON, RESULT_SECONDS, next_result, same_result
from .samples import exploding

STOP_SECONDS = 10.0
# So long after it was sent a line is being evaluated, and is so for longer.
AT_WORK_SECONDS = 0.5
# So long after SIGTERM a stream goes on; whoever gives it up sooner has not run out of time.
STREAMING_MILLISECONDS = (5000, 6900)

scenarios("stops.feature")


class Stopper(threading.Thread):
    """Sends SIGTERM, and waits, while somebody else goes on."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self.exit_code: int | None = None

    def run(self) -> None:
        self.exit_code = self._service.web.terminate(STOP_SECONDS)


@dataclass(frozen=True)
class Stopped:
    """The results around SIGTERM, how long that of the line that explodes took, and how it all ended."""

    results: list[Mapping[str, Json]]
    evaluation_seconds: float
    exploded_seconds: float
    exit_code: int | None


@when("the service is stopped in the middle of a stream and of an evaluation", target_fixture="stopped")
def the_service_is_stopped_in_the_middle_of_a_stream(
    world: World, service_settings: dict[str, str], limits: dict[str, int]
) -> Stopped:
    draw = world.draw
    milliseconds = draw.integer(1200, 1500)
    service = world.start_alone({**service_settings, "EVALUATION_MS": str(milliseconds)})
    schema, value = exploding(draw, limits["MAX_DEPTH"])
    version_id = Api(service, draw).register({**schema, "properties": {"n": {"type": "integer"}}})
    results = []
    with Stream(service.urls[0], f"{SCHEMAS}/{version_id}/stream", {"Content-Type": NDJSON}) as stream:
        stream.send(b'{"n":1}\n')
        results.append(next_result(stream, "a line before the stop"))
        sent = time.monotonic()
        stream.send(json.dumps(value).encode() + b"\n")
        time.sleep(AT_WORK_SECONDS)
        stopper = Stopper(service)
        asked_at = time.monotonic()
        stopper.start()
        patience = milliseconds / 1000 + 2 * RESULT_SECONDS
        results.append(next_result(stream, "a line that explodes, sent before the stop", patience))
        exploded_seconds = time.monotonic() - sent
        wait_until(asked_at + draw.integer(*STREAMING_MILLISECONDS) / 1000)
        stream.send(b'{"n":"1"}\n')
        results.append(next_result(stream, "a line seconds after the stop"))
        stream.end()
        results.append(next_result(stream, "the summary"))
        stopper.join()
    return Stopped(results, milliseconds / 1000, exploded_seconds, stopper.exit_code)


@then("the rest of the stream is judged, and the service ends with exit code 0")
def the_rest_of_the_stream_is_judged(stopped: Stopped) -> None:
    first, _, third, last = stopped.results
    same_result(first, {"line": 1, "valid": True}, [], "the line before the stop")
    same_result(third, {"line": 3, "valid": False}, [("#/n", "wrong_type")], "the line after the stop")
    summary = last.get("summary")
    records = summary.get("records") if isinstance(summary, dict) else None
    expect(records == 3, expected='"records": 3 in a summary', got=last)
    expect(stopped.exit_code == 0, expected="exit code 0 within 10 s", got=describe_stop(stopped.exit_code))


@then("what is evaluated meanwhile has its time, and no more")
def what_is_evaluated_meanwhile_has_its_time(stopped: Stopped) -> None:
    second, seconds = stopped.results[1], f"{stopped.exploded_seconds:.2f} s"
    expect(second.get("line") == 2, expected='"line": 2 for the line that explodes', got=second)
    if second.get("valid") is True:  # who can answer in time may
        return
    code, budget = second.get("code"), f"EVALUATION_MS={stopped.evaluation_seconds * 1000:.0f}"
    expect(code == "evaluation_stopped", expected="evaluation_stopped for the line that explodes", got=second)
    is_soon = stopped.exploded_seconds < stopped.evaluation_seconds - CLOCK_SECONDS
    expect(not is_soon, expected=f"it is not stopped before {budget} have passed", got=seconds)
    is_late = stopped.exploded_seconds > stopped.evaluation_seconds + GRACE_SECONDS
    expect(not is_late, expected=f"it is stopped within {budget} and a second", got=seconds, timing=True)
