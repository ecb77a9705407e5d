"""Settings that the features share, what the service checks ask for, and steps of more than one feature."""

import pytest
from pytest_bdd import given, then

from kata.steps import Service, World, expect

from .api import Api, shown, told
from .documents import Asked

# What the lesson prints.
PRINTED = {
    "MAX_DEPTH": 64,
    "MAX_MEMBERS": 20_000,
    "MAX_STRINGS": 20_000,
    "MAX_ERRORS": 100,
    "MAX_LINE_BYTES": 65_536,
    "EVALUATION_MS": 500,
}
RANGES = {
    "MAX_DEPTH": (20, 180),
    # So that as many as there may be stand on a line, too.
    "MAX_MEMBERS": (1500, 4000),
    "MAX_STRINGS": (1200, 2600),
    "MAX_ERRORS": (30, 75),
    "MAX_LINE_BYTES": (8200, 45_000),
    # Several such times pass; one that is longer has a process of its own.
    "EVALUATION_MS": (280, 375),
}
# What the contract lets through, both included.
BOUNDS = {
    "MAX_DEPTH": (1, 200),
    "MAX_MEMBERS": (1, 100_000),
    "MAX_STRINGS": (1, 100_000),
    "MAX_ERRORS": (1, 1000),
    "MAX_LINE_BYTES": (16, 1_048_576),
    "EVALUATION_MS": (50, 10_000),
}


@pytest.fixture
def limits(world: World) -> dict[str, int]:
    """The limits of the service, far from those that are printed."""
    return {
        name: world.setting(name, low, high, away_from=[PRINTED[name]])
        for name, (low, high) in RANGES.items()
    }


@pytest.fixture
def service_settings(limits: dict[str, int]) -> dict[str, str]:
    return {name: str(value) for name, value in limits.items()}


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    draw = world.draw
    # At one side of each, for each start costs time.
    beyond = [(name, str(draw.choice((low - 1, high + 1)))) for name, (low, high) in BOUNDS.items()]
    return [
        *draw.shuffle(beyond),
        ("PORT", draw.choice(("0", "65536"))),
        (draw.choice(list(BOUNDS)), draw.choice(("deep", "60.5", "-60"))),
        ("DATA_DIR", draw.choice(("relative/folder", "", "/dev/null"))),
    ]


@pytest.fixture
def accepted_settings(world: World) -> dict[str, str]:
    return {name: str(world.draw.choice(bounds)) for name, bounds in BOUNDS.items()}


@pytest.fixture
def contract_paths() -> list[str]:
    return [
        "/api/v1/codes",
        "/api/v1/orders",
        "/api/v1/schemas",
        "/api/v1/schemas/{version_id}",
        "/api/v1/schemas/{version_id}/validate",
        "/api/v1/schemas/{version_id}/batch",
        "/api/v1/schemas/{version_id}/stream",
        "/api/v1/compatibility",
    ]


@pytest.fixture
def service(world: World, service_settings: dict[str, str]) -> Service:
    return world.start(service_settings)


@given("a validation service", target_fixture="api")
def a_validation_service(service: Service, world: World) -> Api:
    return Api(service, world.draw)


@then("each is refused with 422, and its mistake is pointed at")
@then("each is refused with 422, and its reference is pointed at")
@then("each is refused with 422, and its pattern is pointed at")
def each_is_refused_with_422_and_its_mistake_is_pointed_at(refused: list[Asked]) -> None:
    for asked in refused:
        places = [one.place for one in told(asked.answer, asked.what)]
        wanted = (asked.pointer, asked.code)
        expect(
            wanted in places, expected=f"{wanted} for {shown(asked.what)}", got=places, answer=asked.answer
        )
