from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    Request,
    Service,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    wait_until_ready,
)

COUNTERS = "/api/v1/counters"
OK = 200

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


@when("two names are counted", target_fixture="second")
def two_names_are_counted(world: World, counter: Counter) -> Counter:
    second = Counter(counter.service, world.draw.word(), counter.increment)
    counter.count()
    second.count()
    return second


@then("the latest is the second")
def the_latest_is_the_second(second: Counter) -> None:
    answer = second.service.client().get("/api/v1/latest")
    got = as_object(answer).get("name")
    expect(got == second.name, expected=second.name, got=got)


def is_counted(counter: Counter, answer: Exchange, times: int) -> None:
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    value = as_object(answer).get("value")
    wanted = times * counter.increment
    expect(value == wanted, expected=f"{wanted} after {times} of {counter.increment}", got=value)
