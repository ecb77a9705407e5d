"""What features import, and all that they need: steps are written with these names and pytest-bdd's own."""

from kata.errors import TargetError
from kata.judge.counters import RequestCount
from kata.judge.expectations import describe_answer, describe_stop, expect
from kata.judge.formats import as_object, is_problem
from kata.judge.intervals import (
    TOLERANCE_SECONDS,
    Inconclusive,
    Side,
    side_of_end,
    surely_after,
    surely_within,
    wait_until,
)
from kata.judge.verdicts import NotRunError
from kata.judge.web_page import WebPage, expect_nothing_from_elsewhere, expect_nothing_told, look_at
from kata.network.burst import burst
from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Received, Reply
from kata.network.client import Client
from kata.network.exchange import Exchange, Request
from kata.network.fault_proxy import FaultProxy
from kata.network.raw import send_raw
from kata.network.stream import Stream
from kata.servers.mail import Mail
from kata.solution.readiness import wait_until_ready
from kata.solution.target import Instance
from kata.world.dependencies import BucketUnderTest
from kata.world.draw import Draw
from kata.world.logs import entries, output_after, output_once
from kata.world.protocols import Service, World
from kata.world.refused_starts import expect_refused_starts, started_with_each
from kata.world.tables import ROWS_HELD, TABLE_HELD, rows_in, tables, writers_held

__all__ = [
    "ROWS_HELD",
    "TABLE_HELD",
    "TOLERANCE_SECONDS",
    "BucketUnderTest",
    "CallbackServer",
    "Client",
    "Draw",
    "Exchange",
    "FaultProxy",
    "Inconclusive",
    "Instance",
    "Mail",
    "NotRunError",
    "Received",
    "Reply",
    "Request",
    "RequestCount",
    "Service",
    "Side",
    "Stream",
    "TargetError",
    "WebPage",
    "World",
    "as_object",
    "burst",
    "describe_answer",
    "describe_stop",
    "entries",
    "expect",
    "expect_nothing_from_elsewhere",
    "expect_nothing_told",
    "expect_refused_starts",
    "is_problem",
    "look_at",
    "output_after",
    "output_once",
    "rows_in",
    "send_raw",
    "side_of_end",
    "started_with_each",
    "surely_after",
    "surely_within",
    "tables",
    "wait_until",
    "wait_until_ready",
    "writers_held",
]
