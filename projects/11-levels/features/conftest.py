"""Settings and steps that the features share, and what the service checks ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd import given

from kata.steps import World

from .academy import API, Academy, Learner, Local
from .catalogue import (
    Track,
    drawn_catalogue,
    long_tracks,
    signing_settings,
    tracks_of,
    verifier_settings,
)


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """A verifier that ends at once and lists nothing: what every service does needs none."""
    return {"VERIFIER": world.text_setting("VERIFIER", "true")}


@pytest.fixture
def class_settings(world: World) -> dict[str, str]:
    """A class whose runs are judged by a script, with short leases."""
    return {
        **verifier_settings(world),
        **signing_settings(world),
        "OPERATOR_TOKEN": f"{world.setting('operator', 10**19, 10**20)}",
        "ALLOW_PRIVATE_TARGETS": "true",
        "LEASE_SECONDS": str(world.setting("LEASE_SECONDS", 2, 3, away_from=[15])),
        "OUTPUT_LIMIT_BYTES": str(world.setting("OUTPUT_LIMIT_BYTES", 600, 9000, away_from=[65_536])),
        "RUN_TIMEOUT_SECONDS": str(world.setting("RUN_TIMEOUT_SECONDS", 60, 90, away_from=[1800])),
        "HEARTBEAT_SECONDS": str(world.setting("HEARTBEAT_SECONDS", 1, 2, away_from=[15])),
        "STALE_AFTER_DAYS": f"{world.setting('stale-after-seconds', 5, 8) / 86_400:.8f}",
    }


@pytest.fixture
def academy(world: World, class_settings: dict[str, str]) -> Iterator[Academy]:
    """A service for a class, with two workers, which the checks share."""
    service = world.start(class_settings, workers=2)
    academy = Academy(service, world, class_settings, tracks_of(drawn_catalogue(world)))
    yield academy
    academy.make_whole()


@given("a class", target_fixture="class_")
def a_class(academy: Academy) -> Academy:
    return academy


@pytest.fixture
def track(academy: Academy) -> Track:
    return academy.draw.choice(long_tracks(academy.tracks))


@given("a learner of a class", target_fixture="learner")
def a_learner_of_a_class(academy: Academy) -> Learner:
    return academy.learner()


@given("a learner of a class who has completed a track", target_fixture="learner")
def a_learner_who_has_completed_a_track(academy: Academy, track: Track) -> Learner:
    learner = academy.learner()
    learner.completes(track.levels[-1])
    return learner


@pytest.fixture
def hasty(world: World, class_settings: dict[str, str]) -> Iterator[Academy]:
    """A service that keeps no receipts, and gives a run more time than a loss of PostgreSQL takes."""
    settings = class_settings | {
        "LEASE_SECONDS": "2",
        "RUN_TIMEOUT_SECONDS": str(world.setting("RUN_TIMEOUT_SECONDS", 10, 12)),
        "SIGNING_KEY_FILE": "",
    }
    service = world.start(settings, workers=1)
    academy = Academy(service, world, settings, tracks_of(drawn_catalogue(world)))
    yield academy
    service.postgres.proxy.pass_through()
    academy.make_whole()


@given("a service with one worker, which gives a run little time", target_fixture="learner")
def a_service_with_one_worker(hasty: Academy) -> Learner:
    return hasty.learner()


@given("a second web process")
def a_second_web_process(academy: Academy) -> None:
    if len(academy.service.urls) == 1:
        academy.service.add("web")


@given("a service on the learner's own machine, with a key that was not there yet", target_fixture="local")
def a_service_on_the_learners_own_machine(world: World) -> Local:
    settings = {**verifier_settings(world), "ALLOW_PRIVATE_TARGETS": "false"}
    key_file = world.folder("keys") / "key.pem"
    key_file.parent.chmod(0o777)
    service = world.start({**settings, "SIGNING_KEY_FILE": str(key_file)}, workers=1)
    return Local(service, tracks_of(drawn_catalogue(world)), Path(settings["SOLUTIONS_DIR"]), key_file)


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    """What lies beside each bound; of what is no number at all one."""
    numbers = {
        "LEASE_SECONDS": ("0.9", "3600.5", "soon"),
        "RUN_TIMEOUT_SECONDS": ("0", "86401", "1h"),
        "OUTPUT_LIMIT_BYTES": ("255", "1048577", "600.5"),
        "HEARTBEAT_SECONDS": ("0", "15.5", "often"),
        "STALE_AFTER_DAYS": ("0", "36501", "never"),
    }
    unreadable, values = world.draw.choice(list(numbers.items()))
    return [
        *((name, value) for name, (low, high, _) in numbers.items() for value in (low, high)),
        (unreadable, values[-1]),
        ("VERIFIER", world.draw.choice(['kata "unfinished', "' ' '", "''  '"])),
        (
            "OPERATOR_TOKEN",
            world.draw.choice(["short", "with a blank in its middle", "ümläuts-are-not-for-headers"]),
        ),
        (
            "SIGNING_KEY_FILE",
            world.draw.choice([f"/nowhere/{world.draw.word()}", world.file("no-key", "hello")]),
        ),
        ("TRUSTED_KEYS", world.draw.choice(["short", f"{'A' * 43},{'B' * 42}", "A" * 44])),
        ("ALLOW_PRIVATE_TARGETS", world.draw.choice(["maybe", "2", "public"])),
        ("SOLUTIONS_DIR", f"/nowhere/{world.draw.word()}"),
        ("DATABASE_URL", world.draw.choice(["nowhere", ""])),
    ]


@pytest.fixture
def contract_paths() -> list[str]:
    return [
        f"{API}/levels",
        f"{API}/progress",
        f"{API}/progress/{{level_id}}",
        f"{API}/runs",
        f"{API}/runs/{{run_id}}",
        f"{API}/runs/{{run_id}}/events",
        f"{API}/learners",
        f"{API}/speed-runs",
        f"{API}/speed-runs/{{run_id}}",
        f"{API}/bests",
        f"{API}/runs/{{run_id}}/ctrf",
        f"{API}/receipts",
        f"{API}/receipts/{{run_id}}",
        f"{API}/learners/{{user_id}}/chain",
    ]
