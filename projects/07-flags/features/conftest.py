"""Settings and steps that the features share, and what the service checks ask for."""

import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

import pytest
from pytest_bdd import given

from kata.steps import FaultProxy, NotRunError, Request, Service, World

from .panel import API, BACK_SECONDS, OFREP, POLL_SECONDS, Panel, Settings, draw_settings

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def settings(world: World) -> Settings:
    return draw_settings(world)


@pytest.fixture
def service_settings(settings: Settings) -> dict[str, str]:
    return settings.environment()


@given("a flag service of two processes", target_fixture="panel")
def a_flag_service(world: World, settings: Settings) -> Panel:
    """All checks share it. With --url there is one process, and what asks another one is not run."""
    service = world.start(settings.environment())
    if len(service.urls) == 1:
        with suppress(NotRunError):
            service.add("web")
    return Panel(service, world.draw, settings)


@given("a flag service of two processes whose stores may be lost", target_fixture="panel")
def a_flag_service_whose_stores_may_be_lost(
    world: World, settings: Settings, request: pytest.FixtureRequest
) -> Panel:
    """The same one, with its stores back at the end; one that does not come back is nobody's any more."""
    panel = a_flag_service(world, settings)
    stores = panel.service.postgres.proxy, panel.service.redis.proxy
    request.addfinalizer(lambda: mend(panel, stores))
    return panel


def mend(panel: Panel, stores: Iterable[FaultProxy]) -> None:
    for store in stores:
        store.pass_through()
    deadline = time.monotonic() + BACK_SECONDS
    while not panel.is_whole():
        if time.monotonic() > deadline:
            panel.service.web.kill()
            return
        time.sleep(POLL_SECONDS)


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    """One bad value for each: missing, too small, too large, or nothing of the kind."""
    choices = {
        "ADMIN_TOKENS": ("", "ann", "ann:too-short", "Ann:long-enough-for-anybody"),
        "STREAM_TOKEN_SECONDS": ("0.9", "86401", "soon"),
        "HEARTBEAT_SECONDS": ("0.09", "60.5", "1s"),
        "DATA_DIR": ("", "relative/folder", "/dev/null"),
        "ALLOWED_ORIGINS": ("app.example", "https://app.example/", "*,https://app.example"),
        "REDIS_URL": ("nowhere", ""),
        "DATABASE_URL": ("nowhere", ""),
    }
    token = "ann:" + "x" * 15
    one = "bob:" + "x" * 16
    edge = world.draw.choice([("ADMIN_TOKENS", token), ("ADMIN_TOKENS", f"{one},{one}")])
    return [edge, *((name, world.draw.choice(values)) for name, values in choices.items())]


@pytest.fixture
def accepted_settings(world: World) -> dict[str, str]:
    """Values at the bounds, or none where there is a default."""
    return {
        "ADMIN_TOKENS": f"0-a:{'x' * world.draw.choice([16, 256])}",
        "STREAM_TOKEN_SECONDS": world.draw.choice(["1", "86400", ""]),
        "HEARTBEAT_SECONDS": world.draw.choice(["0.1", "60", ""]),
        "ALLOWED_ORIGINS": world.draw.choice(["*", ""]),
    }


@pytest.fixture
def unfinished_request(
    world: World, settings: Settings, accepted_settings: dict[str, str]
) -> Callable[[Service], Request]:
    """Make a flag, or evaluate all; without a credential both are refused by their heads."""

    def make(service: Service) -> Request:
        panel = Panel(service, world.draw, replace(settings, admin_tokens=accepted_settings["ADMIN_TOKENS"]))
        evaluation = Request("POST", f"{OFREP}/evaluate/flags", {"X-API-Key": panel.key(), **JSON}, b"{}")
        document = json.dumps(panel.document()).encode()
        change = Request("POST", f"{API}/flags", {**panel.admin_headers, **JSON}, document)
        return world.draw.choice([evaluation, change])

    return make


@pytest.fixture
def contract_paths() -> list[str]:
    return [
        f"{OFREP}/evaluate/flags",
        f"{OFREP}/evaluate/flags/{{key}}",
        f"{OFREP}/stream",
        f"{API}/flags",
        f"{API}/flags/{{key}}",
        f"{API}/flags/{{key}}/kill",
        f"{API}/flags/{{key}}/dry-run",
        f"{API}/flags/{{key}}/scheduled-changes",
        f"{API}/flags/{{key}}/usage",
        f"{API}/segments",
        f"{API}/segments/{{key}}",
        f"{API}/keys",
        f"{API}/keys/{{key_id}}",
        f"{API}/scheduled-changes/{{change_id}}",
        f"{API}/audit",
        f"{API}/explain",
    ]
