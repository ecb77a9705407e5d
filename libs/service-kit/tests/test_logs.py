import contextlib
import json
import logging
import os
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import structlog
from pydantic import SecretStr

from service_kit import logs, request_id
from service_kit.settings import LogLevel


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    request_id.bind("")
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    request_id.bind("")


def run_out_of_paper() -> None:
    raise RuntimeError("out of paper")


type Written = pytest.CaptureFixture[str]


def lines(capsys: Written) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def logger() -> structlog.typing.FilteringBoundLogger:
    made: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return made


def test_a_line_is_json_with_the_time_in_utc(capsys: Written) -> None:
    logs.configure("info")
    logger().info("claimed", count=3)
    (line,) = lines(capsys)
    assert list(line) == ["timestamp", "level", "event", "count"]
    assert (line["level"], line["event"], line["count"]) == ("info", "claimed", 3)
    assert str(line["timestamp"]).endswith("Z")
    assert datetime.fromisoformat(str(line["timestamp"])).utcoffset() == timedelta(0)


def test_a_line_carries_the_request_id_and_what_is_bound(capsys: Written) -> None:
    logs.configure("info")
    request_id.bind("r-1")
    with structlog.contextvars.bound_contextvars(reminder="m-1"):
        logger().info("claimed")
    (line,) = lines(capsys)
    assert (line["request_id"], line["reminder"]) == ("r-1", "m-1")


def test_an_exception_is_logged_with_its_stack_on_one_line(capsys: Written) -> None:
    logs.configure("info")
    try:
        run_out_of_paper()
    except RuntimeError:
        logger().exception("failed")
    (line,) = lines(capsys)
    assert line["level"] == "error"
    assert str(line["exception"]).startswith("Traceback (most recent call last):\n")
    assert str(line["exception"]).endswith("RuntimeError: out of paper")


def test_the_level_filters_both_ways_of_logging(capsys: Written) -> None:
    logs.configure("warning")
    logger().info("quiet")
    logging.getLogger("library").info("quiet")
    logger().warning("ours")
    logging.getLogger("library").warning("theirs %s", "too")
    assert [line["event"] for line in lines(capsys)] == ["ours", "theirs too"]


def test_a_librarys_line_looks_like_ours(capsys: Written) -> None:
    logs.configure("info")
    request_id.bind("r-1")
    try:
        run_out_of_paper()
    except RuntimeError:
        logging.getLogger("library").exception("failed")
    (line,) = lines(capsys)
    assert list(line) == ["timestamp", "level", "event", "request_id", "logger", "exception"]
    assert str(line["exception"]).endswith("RuntimeError: out of paper")


def test_what_is_named_like_a_secret_is_blanked(capsys: Written) -> None:
    logs.configure("info")
    logger().info("login", password="hunter2", token="hunter2", key=SecretStr("hunter2"), user="ada")
    (line,) = lines(capsys)
    assert (line["password"], line["token"], line["user"]) == ("[redacted]", "[redacted]", "ada")
    assert "hunter2" not in json.dumps(line)


def test_a_line_break_stays_inside_its_line(capsys: Written) -> None:
    logs.configure("info")
    logger().info("one\ntwo", value="a\nb\u2028c")
    assert len(capsys.readouterr().out.split("\n")) == 2


def test_text_that_is_no_unicode_is_written_escaped(capsys: Written) -> None:
    logs.configure("info")
    logger().info("opened", name="caf\udce9")
    (line,) = lines(capsys)
    assert line["name"] == "'caf\\udce9'"


def test_a_stdout_that_cannot_be_written_to_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure("info")
    reader, writer = os.pipe()
    os.close(reader)
    closed = os.fdopen(writer, "w")
    monkeypatch.setattr("sys.stdout", closed)
    logger().info("lost")
    logging.getLogger("library").warning("lost too")
    with contextlib.suppress(BrokenPipeError):
        closed.close()


@pytest.mark.parametrize(
    ("level", "logged"),
    [("debug", {"/health", "/items"}), ("info", {"/items"}), ("warning", set()), ("error", set())],
)
def test_the_level_decides_which_requests_have_a_line(level: LogLevel, logged: set[str]) -> None:
    is_logged = logs.access_filter(level)
    assert {route for route in ("/health", "/items") if is_logged(route)} == logged


def test_the_line_of_a_request(capsys: Written) -> None:
    request_id.bind("r-1")
    logs.access_line("GET", "/items/{number}", 200, 0.0123456, "127.0.0.1")
    (line,) = lines(capsys)
    del line["timestamp"]
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": "r-1",
        "method": "GET",
        "route": "/items/{number}",
        "status": 200,
        "duration_ms": 12.346,
        "client": "127.0.0.1",
    }
