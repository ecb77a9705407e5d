"""Settings and steps that the features of the capstone share, and what the service checks ask for."""

import json
from collections.abc import Callable, Iterator

import pytest
from pytest_bdd import given

from kata.steps import CallbackServer, Request, Service, World

from . import collector
from .saas import API, Home, Person, Site
from .uploads import LINK_SECONDS

# Secrets are numbers, so that those of a service that runs already can be told with --set.
TOKEN_KEYS = (10**35, 10**60)
OPERATORS = (10**19, 10**60)
HEX_KEYS = (10**63, 10**64 - 1)
LEASE_SECONDS = 2
TOKEN_SECONDS = 1
# What people, their tokens and their invitations rely on, in each check: the defaults.
RELIED_ON = {
    "ENVIRONMENT": "development",
    "ACCESS_TOKEN_SECONDS": "300",
    "MAIL_TOKEN_SECONDS": "3600",
    "INVITATION_SECONDS": "604800",
    "ATTEMPTS_PER_MINUTE": "600",
    "LOGIN_FAILURES": "10",
    "KEY_ENVIRONMENT": "live",
    "ENDPOINTS_PER_ORGANISATION": "10",
    "TOLERANCE_SECONDS": "300",
    "CHECKPOINT_ENTRIES": "100",
    "CACHE_SECONDS": "60",
    "READS_PER_MINUTE": "2000",
    "EXPORTS_PER_HOUR": "10",
    "ALLOWED_ORIGINS": "",
    "FILES_ORIGIN": "https://files.localhost:8443",
    "PUBLIC_ORIGIN": "https://localhost:8443",
}


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """Secrets and defaults: what needs no worker can then be seen of a running platform, too."""
    return RELIED_ON | {
        "TOKEN_KEY": str(world.setting("TOKEN_KEY", *TOKEN_KEYS)),
        "OPERATOR_TOKEN": str(world.setting("OPERATOR_TOKEN", *OPERATORS)),
        "AUDIT_KEY": str(world.setting("AUDIT_KEY", *HEX_KEYS)),
        "SEALING_KEY": str(world.setting("SEALING_KEY", *HEX_KEYS)),
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
def hook_settings(world: World, job_settings: dict[str, str], sink: CallbackServer) -> dict[str, str]:
    """What webhooks, files and traces rely on: in seconds what else takes days."""
    number = world.setting("origin of files", 10, 9999)
    return job_settings | {
        "DELIVERY_ATTEMPTS": str(world.setting("DELIVERY_ATTEMPTS", 8, 12)),
        "CHECKPOINT_ENTRIES": str(world.setting("CHECKPOINT_ENTRIES", 12, 16)),
        "ENDPOINTS_PER_ORGANISATION": str(world.setting("ENDPOINTS_PER_ORGANISATION", 4, 6)),
        "ROTATION_SECONDS": "3",
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url(collector.PATH),
        "TOLERANCE_SECONDS": str(world.setting("TOLERANCE_SECONDS", 60, 200)),
        "DISABLE_FAILURES": str(world.setting("DISABLE_FAILURES", 2, 3)),
        "DISABLE_SECONDS": "3.5",
        "CALL_TIMEOUT_SECONDS": "3",
        "FILES_ORIGIN": world.text_setting("FILES_ORIGIN", f"https://files-{number}.example:{number + 3000}"),
        "FILE_LIMIT_BYTES": str(world.setting("FILE_LIMIT_BYTES", 1_400_000, 1_900_000)),
        "FILE_QUOTA_BYTES": str(world.setting("FILE_QUOTA_BYTES", 4_000_000, 6_000_000)),
        "FILE_LINK_SECONDS": str(LINK_SECONDS),
    }


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    return [
        ("TOKEN_KEY", world.draw.choice(["", "x" * 31])),
        ("OPERATOR_TOKEN", world.draw.choice(["", "x" * 15, "x" * 257, "é" * 20])),
        ("AUDIT_KEY", world.draw.choice(["", "0" * 63, "0" * 65, "g" * 64])),
        ("SEALING_KEY", world.draw.choice(["", "0" * 63, "0" * 65, "g" * 64])),
        ("DELIVERY_ATTEMPTS", world.draw.choice(["0", "51", "2.5"])),
        ("CHECKPOINT_ENTRIES", world.draw.choice(["0", "1000001", "1.5"])),
        ("ENDPOINTS_PER_ORGANISATION", world.draw.choice(["0", "1001", "1.5"])),
        ("ROTATION_SECONDS", world.draw.choice(["0", "2592001", "soon"])),
        ("TOLERANCE_SECONDS", world.draw.choice(["0", "86401", "soon"])),
        ("MAX_ATTEMPTS", world.draw.choice(["0", "51", "2.5"])),
        ("ACCESS_TOKEN_SECONDS", world.draw.choice(["0", "86401", "soon"])),
        ("ACTIONS_PER_MINUTE", world.draw.choice(["0", "100001", "1.5"])),
        ("LOGIN_FAILURES", world.draw.choice(["0", "101", "2.5"])),
        ("ATTEMPTS_PER_MINUTE", world.draw.choice(["0", "100001", "many"])),
        ("LONGEST_LOCK_SECONDS", "29.5"),  # below the first lock
        ("ENVIRONMENT", world.draw.choice(["prod", "dev", "Production"])),
        ("FILES_ORIGIN", "https://localhost:8443"),  # the platform's own
        ("MAIL_TOKEN_SECONDS", world.draw.choice(["0", "604801", "soon"])),
        (
            "ALLOWED_ORIGINS",
            world.draw.choice(["*", "https://a.example/", "null", "https://a.example, https://b.example"]),
        ),
        ("READS_PER_MINUTE", world.draw.choice(["0", "1000001", "many"])),
        ("FILE_LIMIT_BYTES", world.draw.choice(["0", "many", "1.5"])),
        ("FILE_LINK_SECONDS", world.draw.choice(["0", "86401", "soon"])),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            world.draw.choice(
                ["collector:4318", "http://a:b@127.0.0.1", "ftp://127.0.0.1", "http://127.0.0.1?a"]
            ),
        ),
        ("DATA_DIR", world.draw.choice(["", "relative/folder"])),
        ("DATABASE_URL", world.draw.choice(["nowhere", ""])),
        ("REDIS_URL", world.draw.choice(["nowhere", ""])),
    ]


@pytest.fixture
def unfinished_request(world: World) -> Callable[[Service], Request]:
    """Ask for an account."""

    def make(_: Service) -> Request:
        body = json.dumps({"email": f"{world.draw.word()}@{world.draw.word()}.example"}).encode()
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
        f"{API}/auth/accounts",
        f"{API}/auth/password/forgot",
        f"{API}/auth/password/reset",
        f"{API}/me",
        f"{API}/me/password",
        f"{API}/me/sessions",
        f"{API}/me/sessions/{{session_id}}",
        f"{API}/organisations",
        one,
        f"{one}/members",
        f"{one}/invitations",
        f"{one}/invitations/{{invitation_id}}",
        f"{API}/me/invitations",
        f"{API}/me/invitations/{{invitation_id}}/accept",
        f"{one}/members/{{user_id}}",
        f"{one}/projects",
        f"{one}/projects/{{project_id}}",
        f"{one}/projects/{{project_id}}/actions/{{name}}",
        f"{one}/jobs",
        f"{one}/jobs/{{job_id}}",
        f"{one}/jobs/{{job_id}}/retry",
        f"{one}/jobs/{{job_id}}/cancel",
        f"{one}/flags",
        f"{one}/keys",
        f"{one}/keys/{{key_id}}",
        f"{one}/endpoints",
        f"{one}/endpoints/{{endpoint_id}}",
        *(
            f"{one}/endpoints/{{endpoint_id}}/{verb}"
            for verb in ("rotate-secret", "enable", "test", "recover")
        ),
        f"{one}/deliveries",
        f"{one}/deliveries/{{delivery_id}}",
        f"{one}/deliveries/{{delivery_id}}/resend",
        f"{API}/hooks/{{source_id}}",
        f"{one}/sources",
        f"{one}/sources/{{source_id}}",
        f"{one}/inbox",
        f"{one}/inbox/{{inbox_id}}",
        f"{one}/inbox/{{inbox_id}}/replay",
        f"{one}/exports/projects",
        f"{one}/files",
        f"{one}/files/{{file_id}}",
        f"{API}/uploads/{{tenant_id}}/{{file_id}}",
        f"{API}/downloads/{{tenant_id}}/{{file_id}}",
        f"{one}/audit",
        f"{one}/audit/checkpoint",
        f"{one}/audit/export",
        f"{one}/audit/verify",
        f"{API}/audit/key",
        f"{API}/admin/flags/{{key}}",
        f"{API}/admin/accounts",
    ]


@pytest.fixture
def sink(world: World) -> CallbackServer:
    return world.callback_server()


@given("the platform", target_fixture="site")
def the_platform(world: World, service_settings: dict[str, str]) -> Site:
    return Site(world.start(service_settings), world.draw, service_settings)


@given("a platform, one of whose processes issues tokens for a second", target_fixture="site")
def a_platform_one_of_whose_processes_issues_tokens_for_a_second(
    world: World, service_settings: dict[str, str]
) -> Site:
    settings = service_settings | {"ATTEMPTS_PER_MINUTE": "100000"}
    service = world.start(settings)
    if len(service.urls) == 1:
        service.add("web", {"ACCESS_TOKEN_SECONDS": str(TOKEN_SECONDS)})
    return Site(service, world.draw, settings)


@given("a strict platform that soon forgets", target_fixture="site")
def a_strict_platform(world: World, service_settings: dict[str, str]) -> Site:
    """In seconds what else takes minutes."""
    number = world.setting("origin of others", 1000, 9999)
    settings = service_settings | {
        "ALLOW_PRIVATE_DESTINATIONS": "false",
        "ATTEMPTS_PER_MINUTE": "100000",
        "INVITATION_SECONDS": str(world.setting("moment of invitations", 2, 3)),
        "LOCK_SECONDS": f"{world.setting('LOCK_SECONDS', 700, 900) / 1000:g}",
        "LOGIN_FAILURES": str(world.setting("LOGIN_FAILURES", 3, 6, away_from=[10])),
        "LONGEST_LOCK_SECONDS": f"{world.setting('LONGEST_LOCK_SECONDS', 2000, 2300) / 1000:g}",
        "REFRESH_GRACE_SECONDS": "1",
        "TRUSTED_HOPS": "1",
        "READS_PER_MINUTE": str(world.setting("READS_PER_MINUTE", 12, 30)),
        "EXPORTS_PER_HOUR": str(world.setting("EXPORTS_PER_HOUR", 2, 4)),
        "ALLOWED_ORIGINS": world.text_setting(
            "ALLOWED_ORIGINS", f"https://one-{number}.example,https://two.example:{number}"
        ),
    }
    return Site(world.start(settings), world.draw, settings)


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


@given("the platform, with two workers that send webhooks", target_fixture="site")
def the_platform_with_two_workers_that_send_webhooks(
    world: World, hook_settings: dict[str, str], sink: CallbackServer
) -> Site:
    del sink  # first, because without being called nothing can be said of workers
    return Site(world.start(hook_settings, workers=2), world.draw, hook_settings)


@given("the platform, with a worker that sends mails", target_fixture="site")
def the_platform_with_a_worker(world: World, service_settings: dict[str, str]) -> Site:
    number = world.setting("origin", 10, 9999)
    settings = service_settings | {
        "PUBLIC_ORIGIN": world.text_setting("PUBLIC_ORIGIN", f"https://app-{number}.example:{number + 2000}"),
        "MAIL_TOKEN_SECONDS": str(world.setting("moment of tokens", 5, 6)),
        "MAILS_PER_HOUR": str(world.setting("MAILS_PER_HOUR", 2, 4, away_from=[5])),
    }
    service = world.start(settings, workers=1)
    service.mail.proxy.pass_through()
    return Site(service, world.draw, settings)


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


@given("somebody with an account", target_fixture="person")
def somebody_with_an_account(site: Site) -> Person:
    return site.person()
