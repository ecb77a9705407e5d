"""Settings that the features share, and what the service checks ask for."""

from pathlib import Path

import pytest
from pytest_bdd import given

from kata.steps import NotRunError, Service, World

from .viewer import Viewer

ZONES = ("Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Adelaide")


@pytest.fixture
def log_dir(world: World) -> Path:
    return world.folder("logs")


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    try:
        log_dir = str(world.folder("logs"))
    except NotRunError:  # what every service does can be asked of one that has other logs, too
        log_dir = world.text_setting("LOG_DIR", "/var/log")
    return {
        "LOG_DIR": log_dir,
        "DEFAULT_TZ": world.text_setting("DEFAULT_TZ", ZONES[world.setting("ZONE", 0, len(ZONES) - 1)]),
        "MAX_ENTRY_BYTES": str(world.setting("MAX_ENTRY_BYTES", 3000, 200_000, away_from=[65_536])),
    }


@pytest.fixture
def bad_settings(world: World, log_dir: Path) -> list[tuple[str, str]]:
    file = log_dir / f"{world.draw.word()}.log"
    file.write_text("no folder\n")
    return [
        ("LOG_DIR", world.draw.choice(("logs", "", str(file), str(log_dir / "nowhere")))),
        ("DEFAULT_TZ", world.draw.choice(("Mars/Olympus", "+01:00", "../UTC"))),
        ("MAX_ENTRY_BYTES", world.draw.choice(("255", "1048577", "many"))),
        ("MAX_TAILS", world.draw.choice(("0", "201", "all"))),
        ("HEARTBEAT_SECONDS", world.draw.choice(("0", "301", "often"))),
        ("SCAN_BYTES", world.draw.choice(("1023", "0", "-1"))),
        ("SCAN_MS", world.draw.choice(("49", "60001", "soon"))),
    ]


@pytest.fixture
def contract_paths() -> list[str]:
    return [
        "/api/v1/entries",
        "/api/v1/streams",
        "/api/v1/streams/{stream_id}",
        "/api/v1/streams/{stream_id}/entries",
        "/api/v1/streams/{stream_id}/histogram",
        "/api/v1/streams/{stream_id}/tail",
    ]


@pytest.fixture
def service(world: World, service_settings: dict[str, str]) -> Service:
    return world.start(service_settings)


@given("a log viewer", target_fixture="viewer")
def a_log_viewer(service: Service, world: World, log_dir: Path) -> Viewer:
    return Viewer(service, world.draw, log_dir)
