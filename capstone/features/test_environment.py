"""Steps of environment.feature."""

import time

from pytest_bdd import scenarios, then, when

from kata.steps import Instance, World, expect, expect_refused_starts, send_raw, started_with_each

from .saas import OK, Site

START_SECONDS = 20.0
PUBLISHED = {
    "TOKEN_KEY": "31415926535897932384626433832795028841",
    "OPERATOR_TOKEN": "31415926535897932384",
    "AUDIT_KEY": "2718281828459045235360287471352662497757247093699959574966967627",
    "SEALING_KEY": "1414213562373095048801688724209698078569671875376948073176679737",
}

scenarios("environment.feature")


def settings_of(site: Site, environment: str) -> dict[str, str]:
    """Return settings with which a process of this environment starts."""
    name, port = f"{site.draw.word()}.example", site.draw.integer(1000, 9999)
    return {
        **site.settings,
        "ENVIRONMENT": environment,
        "KEY_ENVIRONMENT": "live" if environment == "production" else "test",
        "PUBLIC_ORIGIN": f"https://{name}:{port}",
        "FILES_ORIGIN": f"https://files.{name}",
        "ALLOWED_ORIGINS": f"https://a.{name},https://b.{name}",
    }


@when("processes of staging and production are started with what is development's", target_fixture="good")
def processes_are_started(site: Site, world: World) -> dict[str, dict[str, str]]:
    draw = site.draw
    good = {each: settings_of(site, each) for each in ("staging", "production")}
    secrets = draw.shuffle(sorted(PUBLISHED.items()))[:2]
    wrong = [
        *secrets,
        ("PUBLIC_ORIGIN", f"http://{draw.word()}.example"),
        ("FILES_ORIGIN", f"http://files.{draw.word()}.example"),
        ("ALLOWED_ORIGINS", f"https://{draw.word()}.example,http://{draw.word()}.example"),
        ("ALLOW_PRIVATE_DESTINATIONS", "true"),
        ("SEED", "true"),
    ]
    one = draw.choice(sorted(good))
    starts = [(one, name, value) for name, value in draw.shuffle(wrong)]
    starts += [("staging", "KEY_ENVIRONMENT", "live"), ("production", "KEY_ENVIRONMENT", "test")]
    starts = draw.shuffle(starts)
    by_value = {(name, value): good[each] | {name: value} for each, name, value in starts}
    each_one = started_with_each(by_value, lambda name, value: world.start_unready(by_value[name, value]))
    expect_refused_starts(each_one)
    return good


@then("each is refused with a line that names it, and one that has its own starts")
def each_is_refused(site: Site, world: World, good: dict[str, dict[str, str]]) -> None:
    one = site.draw.choice(sorted(good))
    # Another environment's database, which is development's, as its release has said.
    theirs = good[one] | {"DATABASE_URL": site.service.postgres.url}
    expect_refused_starts([("ENVIRONMENT", one, world.start_unready(theirs))])
    started = world.start_unready(good[one])
    deadline = time.monotonic() + START_SECONDS
    while started.alive and not is_alive(started):
        late = time.monotonic() > deadline
        expect(not late, expected=f"a start in {one}", got="no answer", timing=True)
        time.sleep(0.05)
    said = " / ".join(started.output()[-3:])
    expect(started.alive, expected=f"a start in {one}, with settings that are its own", got=said)


def is_alive(process: Instance) -> bool:
    ask = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    return process.url is not None and send_raw(process.url, ask).status == OK
