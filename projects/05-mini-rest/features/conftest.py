"""Settings and steps that the features of 05 share."""

import json
from collections.abc import Callable, Iterator

import pytest
from pytest_bdd import given

from kata.steps import FaultProxy, Request, Service, World

from .office import JSON_TYPE, ORGANISATIONS, PRINTED_TITLE_LIMIT, USERS, Member, Office

# Far below the time-outs that anybody sets, far above what a race needs to show.
DELAY_SECONDS = 0.01
# Secrets are numbers, so that those of a service that runs already can be told with --set.
SECRETS = (10**19, 10**60)


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    limit = world.setting("TITLE_LIMIT", 60, 10_000, away_from=[PRINTED_TITLE_LIMIT])
    # In milliseconds, or even in seconds times a thousand, more than 32 bits hold.
    ttl = world.setting("IDEMPOTENCY_TTL_SECONDS", 2_200_000, 2_592_000)
    return {
        "OPERATOR_TOKEN": str(world.setting("OPERATOR_TOKEN", *SECRETS)),
        "CURSOR_SECRET": str(world.setting("CURSOR_SECRET", *SECRETS)),
        "TITLE_LIMIT": str(limit),
        "IDEMPOTENCY_TTL_SECONDS": str(ttl),
    }


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    return [
        ("OPERATOR_TOKEN", world.draw.choice(["", "x" * 15, "x" * 257, "é" * 15, "é" * 8])),
        ("OPERATOR_TOKEN", world.draw.choice([" " * 20, f"{'x' * 16} {'y' * 4}", "é" * 20, f"={'x' * 20}"])),
        ("CURSOR_SECRET", world.draw.choice(["", "x" * 257])),
        ("CURSOR_SECRET", world.draw.choice(["é" * 15, "漢" * 6, "é" * 8])),
        ("TITLE_LIMIT", world.draw.choice(["0", "10001", "12.5"])),
        ("IDEMPOTENCY_TTL_SECONDS", world.draw.choice(["0", "2592001", "a day"])),
        ("DATABASE_URL", world.draw.choice(["nowhere", ""])),
    ]


@pytest.fixture
def accepted_settings(world: World) -> dict[str, str]:
    """Values at the bounds, or none where there is a default."""
    return {
        "OPERATOR_TOKEN": "x" * world.draw.choice([16, 256]),
        "CURSOR_SECRET": world.draw.choice(["x", "é", "漢"]) * world.draw.choice([16, 256]),
        "TITLE_LIMIT": world.draw.choice(["1", "10000", ""]),
        "IDEMPOTENCY_TTL_SECONDS": world.draw.choice(["1", "2592000", ""]),
    }


@pytest.fixture
def unfinished_request(
    world: World, service_settings: dict[str, str], accepted_settings: dict[str, str]
) -> Callable[[Service], Request]:
    """Make a user; until step 2 that is refused by its head."""

    def make(service: Service) -> Request:
        operator = Office(service, world.draw, {**service_settings, **accepted_settings})
        body = json.dumps({"email": operator.email(), "name": world.draw.word()}).encode()
        return Request("POST", USERS, JSON_TYPE | operator.authorization, body)

    return make


@pytest.fixture
def contract_paths() -> list[str]:
    tasks = f"{ORGANISATIONS}/{{organisation_id}}/tasks"
    return [
        USERS,
        ORGANISATIONS,
        f"{ORGANISATIONS}/{{organisation_id}}/members/{{user_id}}",
        tasks,
        f"{tasks}/{{task_id}}",
        f"{tasks}/{{task_id}}/restore",
    ]


@given("the service", target_fixture="office")
def the_service(world: World, service_settings: dict[str, str]) -> Office:
    return Office(world.start(service_settings), world.draw, service_settings)


@given("a member of an organisation", target_fixture="member")
def a_member_of_an_organisation(office: Office) -> Member:
    return office.member()


@pytest.fixture
def postgres(office: Office) -> Iterator[FaultProxy]:
    """The way to PostgreSQL, open again when the check is over."""
    proxy = office.service.postgres.proxy
    yield proxy
    proxy.pass_through()


@given("PostgreSQL answers with a delay")
def postgresql_answers_with_a_delay(postgres: FaultProxy) -> None:
    postgres.delay(DELAY_SECONDS)


@given(
    "a service whose title limit is left out, and that remembers keys for a second", target_fixture="office"
)
def a_service_whose_title_limit_is_left_out(world: World, service_settings: dict[str, str]) -> Office:
    settings = service_settings | {"IDEMPOTENCY_TTL_SECONDS": "1", "TITLE_LIMIT": ""}
    return Office(world.start(settings), world.draw, settings)


@given("a second web process")
def a_second_web_process(office: Office) -> None:
    if len(office.service.urls) == 1:
        office.service.add("web")
