import json
import time
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    Instance,
    Request,
    Service,
    World,
    as_object,
    describe_answer,
    describe_stop,
    expect,
    is_problem,
    wait_until_ready,
)

COUNTERS = "/api/v1/counters"
OK = 200
REPORT_WITHIN_SECONDS = 10.0
STOP_SECONDS = 10.0

scenarios("counting.feature")


@dataclass(frozen=True)
class Counter:
    """A service, and a name in it that nobody else counts."""

    service: Service
    name: str
    increment: int

    @property
    def path(self) -> str:
        return f"{COUNTERS}/{self.name}"

    def count(self) -> Exchange:
        return self.service.client().request("POST", self.path)


@given("a counter", target_fixture="counter")
def a_counter(world: World, service_settings: dict[str, str]) -> Counter:
    return Counter(world.start(service_settings), world.draw.word(), int(service_settings["INCREMENT"]))


@when("a name is counted three times", target_fixture="answers")
def a_name_is_counted_three_times(counter: Counter) -> list[Exchange]:
    return [counter.count() for _ in range(3)]


@when("a name is counted twenty times at the same instant")
def a_name_is_counted_twenty_times_at_the_same_instant(counter: Counter) -> None:
    for answer in counter.service.burst([Request("POST", counter.path)] * 20):
        expect(answer.status == OK, expected="200", got=describe_answer(answer))


@when("a name that was never counted is asked for, and one with a blank is counted", target_fixture="answers")
def a_name_that_was_never_counted_is_asked_for(counter: Counter) -> list[Exchange]:
    client = counter.service.client()
    return [client.get(counter.path), client.request("POST", f"{counter.path}%20")]


@then("each answer is one increment above the one before")
def each_answer_is_one_increment_above_the_one_before(counter: Counter, answers: list[Exchange]) -> None:
    for nth, answer in enumerate(answers, start=1):
        is_counted(counter, answer, nth)


@then("it is twenty increments")
def it_is_twenty_increments(counter: Counter) -> None:
    is_counted(counter, counter.service.client().get(counter.path), 20)


@then("the answers are problems with status 404 and 422")
def the_answers_are_problems_with_status_404_and_422(answers: list[Exchange]) -> None:
    for answer, status in zip(answers, (404, 422), strict=True):
        is_problem(answer, status)


@when("a name is counted, and the process is killed and started again", target_fixture="counter")
def a_name_is_counted_and_the_process_is_killed(counter: Counter) -> Counter:
    counter.count()
    counter.service.web.kill()
    counter.service.web.restart()
    wait_until_ready(counter.service.web)
    return counter


@then("it is still counted")
def it_is_still_counted(counter: Counter) -> None:
    is_counted(counter, counter.service.client().get(counter.path), 1)


@when("a name is counted, and a worker runs", target_fixture="worker")
def a_name_is_counted_and_a_worker_runs(world: World, service_settings: dict[str, str]) -> Instance:
    service = world.start_alone(service_settings)
    Counter(service, world.draw.word(), 1).count()
    return service.add("worker")


@then("a line of its output is a JSON object with the total")
def a_line_of_its_output_is_a_json_object_with_the_total(
    worker: Instance, service_settings: dict[str, str]
) -> None:
    deadline = time.monotonic() + REPORT_WITHIN_SECONDS
    lines: list[str] = []
    while not lines and time.monotonic() < deadline:
        lines = [line for line in worker.output() if '"total"' in line]
        time.sleep(0.02)
    expect(bool(lines), expected="a line with the total", got=" / ".join(worker.output()[-3:]) or "nothing")
    total = str(json.loads(lines[0])["total"])
    expect(total == service_settings["INCREMENT"], expected=service_settings["INCREMENT"], got=total)


@then("it stops with exit code 0")
def it_stops_with_exit_code_0(worker: Instance) -> None:
    exit_code = worker.terminate(STOP_SECONDS)
    expect(exit_code == 0, expected="exit code 0", got=describe_stop(exit_code))


def is_counted(counter: Counter, answer: Exchange, times: int) -> None:
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    value = as_object(answer).get("value")
    wanted = times * counter.increment
    expect(value == wanted, expected=f"{wanted} after {times} of {counter.increment}", got=value)
