"""Settings and steps that the features share, and what the service checks ask for."""

from collections.abc import Callable, Iterator

import pytest
from pytest_bdd import given

from kata.steps import FaultProxy, Request, Service, World

from .content import Content, filled
from .vault import Vault


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """Settings under which nothing happens by itself, and nothing is deleted."""
    lock_wait_milliseconds = world.setting("lock-wait-milliseconds", 600, 1500)
    return {
        # A number, so that `--set` can tell that of a service that runs already.
        "OPERATOR_TOKEN": str(world.setting("OPERATOR_TOKEN", 10**19, 10**60)),
        "COMPRESSION_LEVEL": str(world.setting("COMPRESSION_LEVEL", 1, 9)),
        "LOCK_WAIT_SECONDS": world.text_setting("LOCK_WAIT_SECONDS", str(lock_wait_milliseconds / 1000)),
        "SILENCE_SECONDS": str(world.setting("SILENCE_SECONDS", 40, 90)),
        "UNDO_SECONDS": str(world.setting("UNDO_SECONDS", 60, 900)),
        "KEEP_LAST": "10000",
        "BACKUP_EVERY_SECONDS": "0",
        "DRILL_EVERY_SECONDS": "0",
    }


@given("a backup service", target_fixture="vault")
def a_backup_service(world: World, service_settings: dict[str, str]) -> Vault:
    return Vault(world.start(service_settings), world.draw, service_settings)


@given("a backup service of its own", target_fixture="vault")
def a_backup_service_of_its_own(world: World, service_settings: dict[str, str]) -> Vault:
    return Vault(world.start_alone(service_settings), world.draw, service_settings)


@given("rows in its database", target_fixture="content")
def rows_in_its_database(vault: Vault) -> Content:
    return filled(vault)


@given("a second process with the same folder")
def a_second_process_with_the_same_folder(vault: Vault) -> None:
    if len(vault.service.urls) == 1:
        vault.service.add("web")


@pytest.fixture
def postgres(vault: Vault) -> Iterator[FaultProxy]:
    """The way to PostgreSQL, open again when the check is over."""
    proxy = vault.service.postgres.proxy
    yield proxy
    proxy.pass_through()


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    """One bad value for each of a few: too small, too large, or no such number."""
    numbers = {
        "COMPRESSION_LEVEL": ("0", "20", "fast"),
        "STORAGE_LIMIT_BYTES": ("0", "1152921504606846977", "1GiB"),
        "LOCK_WAIT_SECONDS": ("0.09", "3600.5", "1s"),
        "SILENCE_SECONDS": ("0.9", "3600.5", "long"),
        "UNDO_SECONDS": ("-1", "604800.5", "an hour"),
        "KEEP_LAST": ("0", "10001", "1.5"),
        "KEEP_DAILY": ("-1", "10001", "1.5"),
        "KEEP_WEEKLY": ("-1", "10001", "all"),
        "KEEP_MONTHLY": ("-1", "10001", "1.5"),
        "BACKUP_EVERY_SECONDS": ("-1", "31536000.5", "daily"),
        "DRILL_EVERY_SECONDS": ("-1", "31536000.5", "weekly"),
    }
    chosen = world.draw.shuffle(numbers.items())[:5]
    return [
        *((name, values[kind]) for kind, (name, values) in zip([0, 1, 2, 0, 1], chosen, strict=True)),
        ("DATA_DIR", world.draw.choice(("relative/folder", "", "/dev/null"))),
        ("POSTGRES_BIN", world.draw.choice(("bin", "/nowhere/at/all", "/dev/null"))),
        ("OPERATOR_TOKEN", world.draw.choice(("", "x" * 15, "x" * 257))),
        ("OPERATOR_TOKEN", world.draw.choice((" " * 20, f"{'x' * 16} {'y' * 4}", "é" * 20, f"={'x' * 20}"))),
        ("DATABASE_URL", world.draw.choice(("nowhere", "", "postgresql://127.0.0.1:5432/"))),
    ]


@pytest.fixture
def accepted_settings(world: World) -> dict[str, str]:
    """Return each at one of its bounds, and some that are empty, which is as if they were not there."""
    return {
        "COMPRESSION_LEVEL": world.draw.choice(("1", "19", "")),
        "STORAGE_LIMIT_BYTES": world.draw.choice(("1", "1152921504606846976", "")),
        "LOCK_WAIT_SECONDS": world.draw.choice(("0.1", "3600")),
        "SILENCE_SECONDS": world.draw.choice(("1", "3600", "")),
        "UNDO_SECONDS": world.draw.choice(("0", "604800")),
        "KEEP_LAST": world.draw.choice(("1", "10000", "")),
        "KEEP_DAILY": world.draw.choice(("0", "10000")),
        "BACKUP_EVERY_SECONDS": world.draw.choice(("0", "31536000")),
        "POSTGRES_BIN": "",
    }


@pytest.fixture
def unfinished_request(world: World, service_settings: dict[str, str]) -> Callable[[Service], Request]:
    label = world.draw.word()
    body = f'{{"labels": {{"{label}": "{world.draw.word()}"}}}}'.encode()
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {service_settings['OPERATOR_TOKEN']}",
    }
    return lambda _: Request("POST", "/api/v1/versions", headers, body)


@pytest.fixture
def contract_paths() -> list[str]:
    version, run = "/api/v1/versions/{version_id}", "/api/v1/runs"
    return [
        "/api/v1/versions",
        version,
        f"{version}/verify",
        f"{version}/drill",
        f"{version}/pin",
        "/api/v1/imports",
        "/api/v1/prune",
        "/api/v1/restores",
        "/api/v1/restores/{run_id}/undo",
        run,
        f"{run}/{{run_id}}",
    ]
