"""Settings and steps that the features of the capstone share, and what the service checks ask for."""

import json
from collections.abc import Callable, Iterator

import pytest
from pytest_bdd import given

from kata.steps import CallbackServer, Request, Service, World

from .saas import API, Home, Site

# Secrets are numbers, so that those of a service that runs already can be told with --set.
TOKEN_KEYS = (10**35, 10**60)
OPERATORS = (10**19, 10**60)
LEASE_SECONDS = 2


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """Nothing but secrets: what needs no worker can then be seen of a running platform, too."""
    return {
        "TOKEN_KEY": str(world.setting("TOKEN_KEY", *TOKEN_KEYS)),
        "OPERATOR_TOKEN": str(world.setting("OPERATOR_TOKEN", *OPERATORS)),
    }


@pytest.fixture
def job_settings(world: World, service_settings: dict[str, str]) -> dict[str, str]:
    return service_settings | {
        "MAX_ATTEMPTS": str(world.setting("MAX_ATTEMPTS", 3, 4)),
        "ACTIONS_PER_MINUTE": str(world.setting("ACTIONS_PER_MINUTE", 300, 2000)),
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "BACKOFF_SECONDS": "0.2",
        "CONCURRENCY": "4",
        "ALLOW_PRIVATE_DESTINATIONS": "true",
    }


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    return [
        ("TOKEN_KEY", world.draw.choice(["", "x" * 31])),
        ("OPERATOR_TOKEN", world.draw.choice(["", "x" * 15, "x" * 257, "é" * 20])),
        ("MAX_ATTEMPTS", world.draw.choice(["0", "51", "2.5"])),
        ("ACCESS_TOKEN_SECONDS", world.draw.choice(["0", "86401", "soon"])),
        ("ACTIONS_PER_MINUTE", world.draw.choice(["0", "100001", "1.5"])),
        ("DATABASE_URL", world.draw.choice(["nowhere", ""])),
        ("REDIS_URL", world.draw.choice(["nowhere", ""])),
    ]


@pytest.fixture
def unfinished_request(world: World) -> Callable[[Service], Request]:
    """Make an account."""

    def make(_: Service) -> Request:
        body = json.dumps(
            {
                "email": f"{world.draw.word()}@{world.draw.word()}.example",
                "password": "long enough for anybody",
            }
        ).encode()
        return Request("POST", f"{API}/auth/register", {"Content-Type": "application/json"}, body)

    return make


@pytest.fixture
def contract_paths() -> list[str]:
    one = f"{API}/organisations/{{organisation_id}}"
    return [
        f"{API}/auth/register",
        f"{API}/auth/login",
        f"{API}/auth/refresh",
        f"{API}/auth/logout",
        f"{API}/me",
        f"{API}/organisations",
        one,
        f"{one}/members",
        f"{one}/members/{{user_id}}",
        f"{one}/projects",
        f"{one}/projects/{{project_id}}",
        f"{one}/projects/{{project_id}}/actions/{{name}}",
        f"{one}/jobs",
        f"{one}/jobs/{{job_id}}",
        f"{one}/jobs/{{job_id}}/retry",
        f"{one}/jobs/{{job_id}}/cancel",
        f"{one}/flags",
        f"{API}/admin/flags/{{key}}",
    ]


@pytest.fixture
def sink(world: World) -> CallbackServer:
    return world.callback_server()


@given("the platform", target_fixture="site")
def the_platform(world: World, service_settings: dict[str, str]) -> Site:
    return Site(world.start(service_settings), world.draw, service_settings)


@pytest.fixture
def working_site(world: World, job_settings: dict[str, str], sink: CallbackServer) -> Iterator[Site]:
    """A platform with two workers, which all checks share; it is whole again when a check is over."""
    del sink  # first, because without being called nothing can be said of workers
    site = Site(world.start(job_settings, workers=2), world.draw, job_settings)
    yield site
    site.service.postgres.proxy.pass_through()
    site.service.redis.proxy.pass_through()
    for worker in site.service.workers:
        worker.resume()


@given("the platform, with two workers", target_fixture="site")
def the_platform_with_two_workers(working_site: Site) -> Site:
    return working_site


@given("a second web process")
def a_second_web_process(site: Site) -> None:
    if len(site.service.urls) == 1:
        site.service.add("web")


@given("an organisation", target_fixture="home")
def an_organisation(site: Site) -> Home:
    return site.home()


@given("the feature is enabled")
def the_feature_is_enabled(site: Site, home: Home) -> None:
    site.switch(is_on=True)
    site.switch(is_on=True, organisation=home.id)
