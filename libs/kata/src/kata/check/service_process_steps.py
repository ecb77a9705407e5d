"""Steps of service.feature about how a service starts and stops."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from pytest_bdd import then, when

from kata.steps import (
    Instance,
    Service,
    World,
    describe_stop,
    expect,
    expect_refused_starts,
    started_with_each,
)

_STOP_SECONDS = 10.0


@when("a process of its own is sent SIGTERM, while connections to it are kept open", target_fixture="stopped")
def a_process_of_its_own_is_sent_sigterm(
    world: World, service_settings: dict[str, str]
) -> tuple[Service, int | None]:
    service = world.start_alone(service_settings)
    client = service.client()  # its connection is kept
    client.get("/health")
    address = urlsplit(service.urls[0])
    with socket.create_connection((address.hostname, address.port), _STOP_SECONDS):  # and asks nothing
        return service, service.web.terminate(_STOP_SECONDS)


@then("it has ended with exit code 0")
def it_has_ended_with_exit_code_0(stopped: tuple[Service, int | None]) -> None:
    _, exit_code = stopped
    expect(
        exit_code == 0,
        expected=f"exit code 0 within {_STOP_SECONDS:.0f} s of SIGTERM",
        got=describe_stop(exit_code),
    )


@then("its port refuses connections")
def its_port_refuses_connections(stopped: tuple[Service, int | None]) -> None:
    address = urlsplit(stopped[0].urls[0])
    listens = False
    with suppress(OSError), socket.create_connection((address.hostname, address.port), 1.0):
        listens = True
    expect(not listens, expected="a closed port", got="somebody listens")


@when("it is started with one bad setting at a time", target_fixture="starts")
def it_is_started_with_one_bad_setting_at_a_time(
    world: World, service_settings: dict[str, str], bad_settings: list[tuple[str, str]]
) -> Iterator[tuple[str, str, Instance]]:
    return started_with_each(
        bad_settings, lambda name, value: world.start_unready({**service_settings, name: value})
    )


@then("no start succeeds, and each output names the variable")
def no_start_succeeds_and_each_output_names_the_variable(
    starts: Iterator[tuple[str, str, Instance]],
) -> None:
    expect_refused_starts(starts)
