"""The ways in which Redis is lost, and the moments."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from urllib.parse import urlsplit

from kata.steps import Draw, Exchange, FaultProxy, Request

from .caller import ROUTES, Caller, Throttler

# Each way, in milliseconds: twice as much is above the 200 within which an answer has to come.
SLOW_MILLISECONDS = (120, 500)
# Between two bytes of an answer, the shortest of which has four.
TRICKLE_MILLISECONDS = (65, 95)
# Each command is longer: no conversation gets through.
BREAKS_AFTER_BYTES = (0, 5)
IN_USE_DELAY_SECONDS = 0.012
IN_USE_REQUESTS = 6
MANY = 40


class Loss(StrEnum):
    """How Redis is lost."""

    REFUSES = "it refuses connections"
    BREAKS_OFF = "it breaks each connection off"
    SILENT = "it accepts and never answers"
    SLOW = "it is slow"


class Moment(StrEnum):
    """What goes on when Redis is lost."""

    IDLE = "nothing"
    IN_USE = "requests are under way"
    MANY = "forty connections are open, and requests are under way"


def lose(proxy: FaultProxy, loss: Loss, draw: Draw) -> None:
    match loss:
        case Loss.REFUSES:
            proxy.cut()
        case Loss.BREAKS_OFF:
            proxy.reset_after(draw.integer(*BREAKS_AFTER_BYTES))
        case Loss.SILENT:
            proxy.black_hole()
        case Loss.SLOW if draw.choice((True, False)):
            proxy.delay(draw.integer(*SLOW_MILLISECONDS) / 1000)
        case Loss.SLOW:
            proxy.trickle(draw.integer(*TRICKLE_MILLISECONDS) / 1000)


def lose_at_a_moment(
    throttler: Throttler, loss: Loss, draw: Draw, new_caller: Callable[[], Caller]
) -> Sequence[Exchange]:
    """Lose Redis at a moment that is drawn, and return the answers to what was under way."""
    moment = draw.choice(list(Moment))
    service = throttler.service
    if moment is Moment.IDLE:
        lose(service.redis.proxy, loss, draw)
        return ()
    requests = [
        Request("GET", one.path, one.headers()) for one in (new_caller() for _ in range(IN_USE_REQUESTS))
    ]
    answers: list[Exchange] = []
    opened = open_connections(throttler, draw) if moment is Moment.MANY else []
    service.redis.proxy.delay(IN_USE_DELAY_SECONDS)
    under_way = threading.Thread(target=lambda: answers.extend(service.burst(requests)))
    under_way.start()
    time.sleep(draw.integer(5, 25) / 1000)
    lose(service.redis.proxy, loss, draw)
    under_way.join()
    for connection in opened:
        connection.close()
    return answers


def open_connections(throttler: Throttler, draw: Draw) -> list[socket.socket]:
    """Open forty connections, on each of which a request was answered."""
    target = urlsplit(throttler.service.urls[0])
    opened = []
    for _ in range(MANY):
        with suppress(OSError):
            connection = socket.create_connection((target.hostname, target.port), 5)
            opened.append(connection)
            one = Caller(throttler, draw.address_v4(), draw, draw.choice(ROUTES))
            head = (
                f"GET {one.path} HTTP/1.1\r\nHost: {target.netloc}\r\nX-Forwarded-For: {one.address}\r\n\r\n"
            )
            connection.sendall(head.encode())
    for connection in opened:
        with suppress(OSError):
            connection.recv(65_536)
    return opened
