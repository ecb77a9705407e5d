"""Settings and steps that the features share, and what the service checks ask for."""

from collections.abc import Callable

import pytest
from pytest_bdd import given

from kata.steps import Instance, Request, Service, World

from .guarded import KINDS, Guarded, token_of
from .store import Store, folder_of

# What the lesson prints.
DEFAULT_TTL_SECONDS = 86_400
MAX_VALUE_BYTES = 268_435_456
BUDGET_BYTES = 1_073_741_824


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """Settings far from those that are printed; what has expired is cleaned up often."""
    return {
        "DEFAULT_TTL_SECONDS": str(
            world.setting("DEFAULT_TTL_SECONDS", 600, 2_000_000_000, [DEFAULT_TTL_SECONDS])
        ),
        "MAX_VALUE_BYTES": str(world.setting("MAX_VALUE_BYTES", 4_600_000, 7_900_000, [MAX_VALUE_BYTES])),
        "BUDGET_BYTES": str(world.setting("BUDGET_BYTES", 60_000_000, 400_000_000, [BUDGET_BYTES])),
        "CLEANUP_SECONDS": world.text_setting(
            "CLEANUP_SECONDS", str(world.setting("CLEANUP_MILLISECONDS", 300, 900) / 1000)
        ),
        "LEASE_SECONDS": str(world.setting("LEASE_SECONDS", 2, 4)),
        "MAX_WAITERS": str(world.setting("MAX_WAITERS", 3, 15)),
    }


@given("a cache", target_fixture="store")
def a_cache(world: World, service_settings: dict[str, str]) -> Store:
    return Store(world.start(service_settings), world.draw, service_settings)


@given("a cache of its own", target_fixture="store")
def a_cache_of_its_own(world: World, service_settings: dict[str, str]) -> Store:
    folder = folder_of(world)
    settings = {**service_settings, "DATA_DIR": str(folder)}
    return Store(world.start_alone(settings), world.draw, settings, folder)


@given("a second process with the same folder", target_fixture="second")
def a_second_process_with_the_same_folder(store: Store) -> Instance:
    return store.service.add("web")


@given("a cache with tokens", target_fixture="guarded")
def a_cache_with_tokens(world: World, service_settings: dict[str, str]) -> Guarded:
    draw = world.draw
    tokens = {kind: [token_of(draw) for _ in range(draw.integer(1, 3))] for kind in KINDS}
    texts = {kind: ",".join(values) for kind, values in tokens.items()}
    folder = folder_of(world)
    settings = {**service_settings, **texts, "DATA_DIR": str(folder)}
    return Guarded(Store(world.start_alone(settings), draw, settings, folder), tokens)


@given("a second process of it with the same folder", target_fixture="second")
def a_second_process_of_it(guarded: Guarded) -> Instance:
    return guarded.store.service.add("web")


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    """One bad value for each: too small, too large, or no such number."""
    return [
        ("DEFAULT_TTL_SECONDS", world.draw.choice(("0", "2147483649", "1.5", "1h"))),
        ("MAX_VALUE_BYTES", world.draw.choice(("0", "1099511627777", "1MiB"))),
        ("BUDGET_BYTES", world.draw.choice(("1", "1125899906842625", "1GiB", "9199999"))),
        ("CLEANUP_SECONDS", world.draw.choice(("0.09", "86400.5", "soon"))),
        (world.draw.choice(("READ_TOKENS", "WRITE_TOKENS", "UNTRUSTED_TOKENS")), bad_tokens(world)),
        ("ANONYMOUS", world.draw.choice(("nothing", "read", "everything", "no"))),
        ("LEASE_SECONDS", world.draw.choice(("0", "3601", "1.5"))),
        ("MAX_WAITERS", world.draw.choice(("0", "65", "many"))),
        ("DATA_DIR", world.draw.choice(("relative/folder", "", "/dev/null"))),
    ]


def bad_tokens(world: World) -> str:
    """Draw a list with a token that is too short, too long, there twice, or of other characters."""
    good = world.draw.text(20)
    bad = world.draw.choice(("x" * 15, "x" * 257, good, "", f" {good}", good + "ä", f"{good}=x"))
    return f"{good},{bad}"


@pytest.fixture
def accepted_settings(world: World) -> dict[str, str]:
    """Return each at one of its bounds, and one that is empty, which is as if it were not there."""
    return {
        "DEFAULT_TTL_SECONDS": world.draw.choice(("1", "2147483648", "")),
        "MAX_VALUE_BYTES": "1099511627776",
        "BUDGET_BYTES": world.draw.choice(("1125899906842624", "2199023255552")),
        "CLEANUP_SECONDS": world.draw.choice(("0.1", "86400", "")),
        "LEASE_SECONDS": world.draw.choice(("1", "3600", "")),
        "MAX_WAITERS": world.draw.choice(("1", "64", "")),
    }


@pytest.fixture
def unfinished_request(world: World) -> Callable[[Service], Request]:
    path = f"/cache/{world.draw.word()}/{world.draw.word()}"
    return lambda _: Request("PUT", path, {"Content-Type": "text/plain"}, world.draw.text(40).encode())


@pytest.fixture
def contract_paths() -> list[str]:
    return ["/cache/{key}", "/api/v1/groups/{group}", "/api/v1/entries"]
