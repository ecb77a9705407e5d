"""Settings and steps that the features share, and what the service checks ask for."""

from collections.abc import Iterator

import pytest
from pytest_bdd import given

from kata.steps import FaultProxy, World

from .desk import API, Desk
from .times import Times, draw_times, draw_token


@pytest.fixture
def times(world: World) -> Times:
    return draw_times(world)


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """The defaults: what every service has to do can then be seen of a running one, too."""
    return {"OPERATOR_TOKEN": draw_token(world)}


@pytest.fixture
def desk(world: World, times: Times) -> Iterator[Desk]:
    """A service with two workers, which all checks share."""
    sink = world.callback_server()  # first, because without being called nothing can be said of workers
    desk = Desk(world.start(times.environment(), workers=2), sink, world.draw, times)
    yield desk
    desk.make_whole()


@given("a webhook service", target_fixture="service")
def a_webhook_service(desk: Desk) -> Desk:
    return desk


@given("a second web process")
def a_second_web_process(desk: Desk) -> None:
    if len(desk.service.urls) == 1:
        desk.service.add("web")


@pytest.fixture
def postgres(desk: Desk) -> Iterator[FaultProxy]:
    """The way to PostgreSQL, open again when the check is over."""
    proxy = desk.service.postgres.proxy
    yield proxy
    proxy.pass_through()


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    """One bad value for each: too small, too large, or no such number."""
    numbers = {
        "TOLERANCE_SECONDS": ("0", "3601", "soon"),
        "MAX_ATTEMPTS": ("0", "101", "4.5"),
        "BACKOFF_BASE_SECONDS": ("0", "86401", "soon"),
        "FORWARD_TIMEOUT_SECONDS": ("-1", "300.5", "1s"),
        "LEASE_SECONDS": ("0.49", "3600.5", "soon"),
        "QUARANTINE_LIMIT": ("0", "10001", "1.5"),
    }
    chosen = world.draw.shuffle(numbers.items())[:4]
    pairs = [
        ("BACKOFF_CAP_SECONDS", "0.01"),  # below the base
        ("LEASE_SECONDS", "1.3"),  # no longer than an attempt
        # Keys below a week, and payloads above the keys.
        world.draw.choice([("KEY_DAYS", "6.9"), ("PAYLOAD_DAYS", "30.5")]),
        ("ALLOW_PRIVATE_DESTINATIONS", world.draw.choice(["maybe", "2"])),
    ]
    return [
        *((name, values[kind]) for kind, (name, values) in zip([0, 1, 2, 1], chosen, strict=True)),
        ("TOLERANCE_SECONDS", "0"),  # elsewhere it turns the check off
        *world.draw.shuffle(pairs)[:2],
        ("OPERATOR_TOKEN", world.draw.choice(["", "x" * 15, "x" * 257])),
        ("OPERATOR_TOKEN", world.draw.choice([" " * 20, f"{'x' * 16} {'y' * 4}", "é" * 20, f"={'x' * 20}"])),
        ("DATABASE_URL", world.draw.choice(["nowhere", ""])),
    ]


@pytest.fixture
def contract_paths() -> list[str]:
    return [
        "/in/{name}",
        f"{API}/sources",
        f"{API}/sources/{{name}}",
        f"{API}/sources/{{name}}/secrets",
        f"{API}/sources/{{name}}/secrets/{{secret_id}}",
        f"{API}/events",
        f"{API}/events/{{event_id}}",
        f"{API}/events/{{event_id}}/conflicts",
        f"{API}/events/{{event_id}}/payload",
        f"{API}/events/{{event_id}}/replay",
        f"{API}/replays",
        f"{API}/quarantine",
        f"{API}/quarantine/reverify",
    ]
