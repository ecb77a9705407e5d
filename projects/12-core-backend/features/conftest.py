"""Settings and steps that the features share, and what the service checks ask for."""

import json
from collections.abc import Callable

import pytest
from pytest_bdd import given

from kata.steps import Request, Service, World

from .backend import AUTH, Backend, Person

# A secret is a number, so that the one of a service that runs already can be told with --set.
SECRETS = (10**38, 10**60)


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    return {
        "JWT_SECRET": str(world.setting("JWT_SECRET", *SECRETS)),
        "ACCESS_SECONDS": str(world.setting("ACCESS_SECONDS", 200, 3000, away_from=[900])),
        "REFRESH_SECONDS": str(world.setting("REFRESH_SECONDS", 2000, 90_000)),
        "CACHE_SECONDS": str(world.setting("CACHE_SECONDS", 3, 4, away_from=[60])),
        "AUTH_LIMIT": "100000",
        "AUTH_WINDOW_SECONDS": "60",
    }


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    draw = world.draw
    numbers = {
        "ACCESS_SECONDS": ("0", "86401", "soon"),
        "REFRESH_SECONDS": ("0", "31536001", "1.5"),
        "CACHE_SECONDS": ("0", "86401", "1m"),
        "AUTH_LIMIT": ("0", "1000001", "2.5"),
        "AUTH_WINDOW_SECONDS": ("0", "86401", "many"),
    }
    drawn = [(name, draw.choice(values)) for name, values in numbers.items()]
    urls = [("DATABASE_URL", "nowhere"), ("DATABASE_URL", ""), ("REDIS_URL", "nowhere"), ("REDIS_URL", "")]
    return [
        ("JWT_SECRET", draw.choice(["", "x" * 31])),
        *draw.shuffle(drawn)[:2],
        draw.choice(urls),
    ]


@pytest.fixture
def contract_paths() -> list[str]:
    paths = (
        "auth/register",
        "auth/login",
        "auth/refresh",
        "me",
        "resources",
        "resources/{resource_id}",
        "users",
        "jobs",
        "jobs/{job_id}/retry",
    )
    return [f"/api/v1/{path}" for path in paths]


@pytest.fixture
def unfinished_request() -> Callable[[Service], Request]:
    body = json.dumps({"email": "nobody@example.org", "password": "nobodys password"}).encode()
    return lambda _: Request("POST", f"{AUTH}/login", {"Content-Type": "application/json"}, body)


@given("a backend", target_fixture="backend")
def a_backend(world: World, service_settings: dict[str, str]) -> Backend:
    return Backend(world.start(service_settings), world.draw, service_settings)


@given("a second web process, whose tokens do not last", target_fixture="seconds")
def a_second_web_process_whose_tokens_do_not_last(backend: Backend) -> int:
    """Start it, and return for how many seconds both kinds of its tokens are good."""
    seconds = 2
    backend.second_process({"ACCESS_SECONDS": str(seconds), "REFRESH_SECONDS": str(seconds)})
    return seconds


@given("a second web process")
def a_second_web_process(backend: Backend) -> None:
    backend.second_process({"ACCESS_SECONDS": "2", "REFRESH_SECONDS": "2"})


@given("somebody", target_fixture="person")
def somebody(backend: Backend) -> Person:
    return backend.person()
