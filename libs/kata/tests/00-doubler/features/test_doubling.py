from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    TOLERANCE_SECONDS,
    Exchange,
    Inconclusive,
    Request,
    Service,
    World,
    describe_answer,
    expect,
    surely_within,
)

scenarios("doubling.feature")


@dataclass(frozen=True)
class Doubled:
    """A number that was sent, and what came back."""

    number: int
    answer: Exchange


@given("a doubler", target_fixture="service")
def a_doubler(world: World, service_settings: dict[str, str]) -> Service:
    return world.start(service_settings)


@when("a number is doubled", target_fixture="doubled")
def a_number_is_doubled(world: World, service: Service, service_settings: dict[str, str]) -> Doubled:
    # From 3 on: 0 and 2 are their own squares' doubles, and would let a squarer pass.
    return double(service, world.draw.integer(3, int(service_settings["LARGEST"])))


@when("a negative number is doubled", target_fixture="doubled")
def a_negative_number_is_doubled(world: World, service: Service) -> Doubled:
    return double(service, -world.draw.integer(3, 999))


@when("a number above the largest is doubled", target_fixture="doubled")
def a_number_above_the_largest_is_doubled(
    world: World, service: Service, service_settings: dict[str, str]
) -> Doubled:
    return double(service, int(service_settings["LARGEST"]) + world.draw.integer(1, 99))


@when("many numbers are doubled at the same instant", target_fixture="many_doubled")
def many_numbers_are_doubled_at_the_same_instant(world: World, service: Service) -> list[Doubled]:
    numbers = [world.draw.integer(3, 99) for _ in range(10)]
    answers = service.burst([Request("GET", f"/api/v1/double/{number}") for number in numbers])
    return [Doubled(number, answer) for number, answer in zip(numbers, answers, strict=True)]


@then("the answer is twice the number")
def the_answer_is_twice_the_number(doubled: Doubled) -> None:
    is_twice(doubled)


@then("each answer is twice its number")
def each_answer_is_twice_its_number(many_doubled: list[Doubled]) -> None:
    for doubled in many_doubled:
        is_twice(doubled)


@then("it is refused with 422")
def it_is_refused_with_422(doubled: Doubled) -> None:
    expect(
        doubled.answer.status == 422,
        expected=f"422 for {doubled.number}",
        got=describe_answer(doubled.answer),
    )


@then("the last result is that number's")
def the_last_result_is_that_numbers(
    service: Service, service_settings: dict[str, str], doubled: Doubled
) -> None:
    answer = service.client().get("/api/v1/last")
    if answer.status == 404 and not surely_within(doubled.answer, answer, keep_seconds(service_settings)):
        raise Inconclusive("the result's time was over before the answer came")
    expect(
        answer.status == 200 and answer.json() == doubled.answer.json(),
        expected=f"200 {doubled.answer.text}",
        got=f"{describe_answer(answer)} {answer.text}",
        exchanges=[doubled.answer, answer],
        timing=True,
    )


@then("after its time it is forgotten")
def after_its_time_it_is_forgotten(
    world: World, service: Service, service_settings: dict[str, str], doubled: Doubled
) -> None:
    keep = keep_seconds(service_settings)
    world.sleep_until(doubled.answer.received + keep + TOLERANCE_SECONDS)
    answer = service.client().get("/api/v1/last")
    expect(
        answer.status == 404,
        expected=f"404, {keep:.3f} s after the last result",
        got=describe_answer(answer),
        exchanges=[doubled.answer, answer],
        timing=True,
    )


def double(service: Service, number: int) -> Doubled:
    return Doubled(number, service.client().get(f"/api/v1/double/{number}"))


def is_twice(doubled: Doubled) -> None:
    twice = {"number": doubled.number, "double": 2 * doubled.number}
    expect(
        doubled.answer.status == 200 and doubled.answer.json() == twice,
        expected=f"200 and twice {doubled.number}",
        got=f"{describe_answer(doubled.answer)} {doubled.answer.text}".rstrip(),
    )


def keep_seconds(settings: dict[str, str]) -> float:
    return int(settings["KEEP_MILLISECONDS"]) / 1000
