"""Steps and services that the features share."""

import pytest
from pytest_bdd import given

from kata.steps import World

from .login_site import Account, Browser, Site


def drawn(world: World) -> dict[str, str]:
    """Draw what is no rule in itself, once for each run."""
    number = world.setting("origin", 10, 9999)
    origins = [
        f"https://app-{number}.example:{number + 2000}",
        f"http://localhost:{number + 2000}",
        f"https://a{number}.shop.test",
        f"http://10.7.{number % 250}.9:{number + 2000}",
    ]
    ends = ["example.org", "office.test", "localhost"]
    end = ends[world.setting("end of administrators", 0, len(ends) - 1)]
    return {
        "PUBLIC_ORIGIN": world.text_setting(
            "PUBLIC_ORIGIN", origins[world.setting("form of origin", 0, len(origins) - 1)]
        ),
        "ADMIN_EMAILS": world.text_setting("ADMIN_EMAILS", f"root-{number}@{end},chief-{number}@example.net"),
        "TRUSTED_HOPS": "1",
        "PASSWORD_MIN": str(world.setting("PASSWORD_MIN", 8, 11)),
        "PASSWORD_MAX": str(world.setting("PASSWORD_MAX", 320, 480)),
        "ARGON2_MEMORY_KIB": str(world.setting("ARGON2_MEMORY_KIB", 1100, 3000)),
        "ARGON2_PASSES": str(world.setting("ARGON2_PASSES", 1, 1)),
        "HASH_QUEUE": "400",
    }


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """The settings of the service that most checks ask: its times are long."""
    return drawn(world) | {
        "MAX_SESSIONS": str(world.setting("MAX_SESSIONS", 21, 26)),
        "LOGIN_FAILURES": "60",
        "ADDRESS_FAILURES": "1000",
    }


@pytest.fixture
def hasty_settings(world: World) -> dict[str, str]:
    """Short times, and a lock after few failures."""

    def seconds(name: str, low: int, high: int) -> str:
        return f"{world.setting(name, low, high) / 1000:g}"

    return drawn(world) | {
        "SESSION_IDLE_SECONDS": seconds("SESSION_IDLE_SECONDS", 1800, 2300),
        "SESSION_TOUCH_SECONDS": seconds("SESSION_TOUCH_SECONDS", 400, 700),
        "SESSION_ABSOLUTE_SECONDS": seconds("SESSION_ABSOLUTE_SECONDS", 6400, 7200),
        "FRESH_SECONDS": seconds("FRESH_SECONDS", 1000, 1500),
        "TOKEN_SECONDS": seconds("TOKEN_SECONDS", 2500, 3500),
        "LOGIN_FAILURES": str(world.setting("LOGIN_FAILURES", 3, 7, away_from=[10])),
        "LOCK_SECONDS": seconds("LOCK_SECONDS", 1100, 1500),
        "LONGEST_LOCK_SECONDS": seconds("LONGEST_LOCK_SECONDS", 3600, 4200),
        "ADDRESS_FAILURES": str(world.setting("ADDRESS_FAILURES", 12, 20)),
        "ADDRESS_SECONDS": seconds("ADDRESS_SECONDS", 3000, 4000),
    }


@pytest.fixture
def narrow_settings(world: World) -> dict[str, str]:
    """Hashing that takes its time, and a short queue for it."""
    return drawn(world) | {
        "ARGON2_MEMORY_KIB": str(world.setting("slow ARGON2_MEMORY_KIB", 24_000, 30_000)),
        "ARGON2_PASSES": "2",
        "HASH_QUEUE": str(world.setting("HASH_QUEUE", 4, 12, away_from=[20])),
        "LOGIN_FAILURES": "100",
        "ADDRESS_FAILURES": "1000",
    }


@given("a login service", target_fixture="site")
def a_login_service(world: World, service_settings: dict[str, str]) -> Site:
    return Site(world.start(service_settings), world.draw, service_settings)


@given("a login service with short times", target_fixture="site")
def a_login_service_with_short_times(world: World, hasty_settings: dict[str, str]) -> Site:
    return Site(world.start(hasty_settings), world.draw, hasty_settings)


@given("a login service that hashes slowly", target_fixture="site")
def a_login_service_that_hashes_slowly(world: World, narrow_settings: dict[str, str]) -> Site:
    return Site(world.start(narrow_settings), world.draw, narrow_settings)


@given("a login service that takes long for a hash", target_fixture="site")
def a_login_service_that_takes_long_for_a_hash(world: World, narrow_settings: dict[str, str]) -> Site:
    """Start one that would be late with all else, if it hashed where requests are answered."""
    settings = narrow_settings | {"ARGON2_PASSES": str(world.setting("slow ARGON2_PASSES", 9, 11))}
    return Site(world.start(settings), world.draw, settings)


@given("a second web process")
def a_second_web_process(site: Site) -> None:
    """Start one that has other administrators, and a longest lock at its least."""
    if len(site.service.urls) == 1:
        site.service.add("web", site.other_settings())


@given("a second web process that locks at once, and at first for a moment", target_fixture="moment")
def a_second_web_process_that_locks_at_once(site: Site, world: World) -> float:
    """Start it, and return how many seconds its first lock takes."""
    moment = world.setting("moment", 12, 18) / 1000
    if len(site.service.urls) == 1:
        locks = {"LOCK_SECONDS": f"{moment:g}", "LONGEST_LOCK_SECONDS": "3600"}
        site.service.add("web", {"LOGIN_FAILURES": "1", **locks})
    return moment


@given("a registered user", target_fixture="account")
def a_registered_user(site: Site) -> Account:
    return site.account()


@given("somebody who is signed in", target_fixture="browser")
def somebody_who_is_signed_in(site: Site) -> Browser:
    return site.browser()


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    """One bad value for each: of the numbers some are too small, some too large, some no such number."""
    numbers = {
        "TRUSTED_HOPS": ("-1", "11", "1.5"),
        "SESSION_IDLE_SECONDS": ("0", "7776001", "soon"),
        "MAX_SESSIONS": ("0", "101", "2.5"),
        "PASSWORD_MIN": ("7", "65", "8.5"),
        "PASSWORD_MAX": ("63", "4097", "many"),
        "ARGON2_MEMORY_KIB": ("1023", "1048577", "19MB"),
        "LOGIN_FAILURES": ("0", "101", "1.5"),
        "LOCK_SECONDS": ("0", "3600.5", "1s"),
    }
    drawn_ones = [(name, world.draw.choice(values)) for name, values in numbers.items()]
    texts = [
        ("PUBLIC_ORIGIN", world.draw.choice(["app.example", "https://app.example/", ""])),
        ("SMTP_URL", world.draw.choice(["nowhere", "http://127.0.0.1:25", ""])),
        ("ADMIN_EMAILS", "nobody"),
        ("SESSION_TOUCH_SECONDS", "1800"),  # not below the idle time
        ("LONGEST_LOCK_SECONDS", "29.5"),  # below the first lock
    ]
    urls = [("DATABASE_URL", "nowhere"), ("DATABASE_URL", ""), ("REDIS_URL", "nowhere"), ("REDIS_URL", "")]
    return [*world.draw.shuffle(drawn_ones)[:3], *world.draw.shuffle(texts)[:2], world.draw.choice(urls)]


@pytest.fixture
def contract_paths() -> list[str]:
    paths = (
        "registrations",
        "accounts",
        "session",
        "me",
        "me/password",
        "me/email",
        "me/email/confirmation",
        "sessions",
        "sessions/{session_id}",
        "me/revoke-others",
        "users",
        "users/{user_id}",
        "users/{user_id}/sessions",
    )
    return [f"/api/v1/{path}" for path in paths]


def pytest_bdd_apply_tag(tag: str, function: object) -> bool | None:
    """Leave the tags of the ASVS to the lesson's table: they are no marks of pytest."""
    del function
    return True if tag.startswith("asvs-") else None
