"""Steps of service.feature about how a service starts and stops."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from pytest_bdd import then, when

from kata.steps import (
    Exchange,
    Instance,
    Request,
    Service,
    Stream,
    World,
    describe_answer,
    describe_stop,
    expect,
    expect_refused_starts,
    send_raw,
    started_with_each,
    wait_until,
)

_STOP_SECONDS = 10.0
# So long the last of a body takes that is on its way when the process is told to stop, in so many parts.
_SENDING_MILLISECONDS = (3200, 4700)
_LAST_PARTS = 8
_UNDER_WAY_SECONDS = 0.2
_LATER_SECONDS = 1.0
# Whoever gives up what runs sooner has not run out of time.
_SURELY_IN_TIME_SECONDS = 7.0


@dataclass(frozen=True)
class Stop:
    """How a process ended, the answer to what was on its way, and to who came a second later."""

    service: Service
    asked_at: float
    exit_code: int | None
    running: Exchange
    late: Exchange


@when(
    "a process of its own is sent SIGTERM, while connections to it are kept open, and a body is on its way",
    target_fixture="stop",
)
def a_process_of_its_own_is_sent_sigterm(
    world: World,
    service_settings: dict[str, str],
    accepted_settings: dict[str, str],
    unfinished_request: Callable[[Service], Request],
) -> Stop:
    service = world.start_alone({**service_settings, **accepted_settings})
    request = unfinished_request(service)
    client = service.client()  # its connection is kept
    client.get("/health")
    address = urlsplit(service.urls[0])
    # Blanks behind a document mean nothing in JSON.
    body = request.body + b" " * _LAST_PARTS
    headers = {**request.headers, "Content-Length": str(len(body))}
    seconds = world.draw.integer(*_SENDING_MILLISECONDS) / 1000
    with (
        socket.create_connection((address.hostname, address.port), _STOP_SECONDS),  # and asks nothing
        Stream(service.urls[0], request.path, headers, method=request.method) as stream,
        ThreadPoolExecutor(2) as pool,
    ):
        stream.send(request.body)
        time.sleep(_UNDER_WAY_SECONDS)
        asked_at = time.monotonic()
        ending = pool.submit(service.web.terminate, _STOP_SECONDS)
        coming = pool.submit(_come_later, service, asked_at + _LATER_SECONDS)
        for number in range(_LAST_PARTS):
            wait_until(asked_at + seconds * (number + 1) / _LAST_PARTS)
            if stream.is_answered:  # refused by its head: to send on may lose the answer
                break
            stream.send(b" ")
        running = stream.answer()
        return Stop(service, asked_at, ending.result(), running, coming.result())


def _come_later(service: Service, moment: float) -> Exchange:
    wait_until(moment)
    head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return send_raw(service.urls[0], head)


@then("what was on its way is answered, and nothing new is")
def what_was_on_its_way_is_answered(stop: Stop) -> None:
    after = stop.running.received - stop.asked_at
    expect(
        0 < stop.running.status < HTTPStatus.INTERNAL_SERVER_ERROR,
        expected="the answer to a request whose body was on its way at SIGTERM",
        got=f"{describe_answer(stop.running)} after {after:.1f} s",
        answer=stop.running,
        timing=after > _SURELY_IN_TIME_SECONDS,
    )
    expect(
        stop.late.status == 0,
        expected=f"no answer on a connection that is opened {_LATER_SECONDS:g} s after SIGTERM",
        got=describe_answer(stop.late),
        answer=stop.late,
        timing=True,
    )


@then("it has ended with exit code 0")
def it_has_ended_with_exit_code_0(stop: Stop) -> None:
    expect(
        stop.exit_code == 0,
        expected=f"exit code 0 within {_STOP_SECONDS:.0f} s of SIGTERM",
        got=describe_stop(stop.exit_code),
    )


@then("its port refuses connections")
def its_port_refuses_connections(stop: Stop) -> None:
    address = urlsplit(stop.service.urls[0])
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
