"""A mail reaches a real server as it was given; one that is silent is waited for in bounded time."""

import socket
import time
from collections.abc import Iterator

import pytest

from kata.servers.mail import MailServer
from service_kit import smtp
from service_kit.smtp import SmtpServer

SENDER = "platform@example.net"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


def test_a_mail_arrives_as_it_was_given(mail_server: MailServer) -> None:
    SmtpServer(mail_server.url, SENDER).send("ann@example.net", "Grüße", "café\n")
    (mail,) = mail_server.received("ann@example.net")
    assert (mail.recipients, mail.subject, mail.text.strip()) == (("ann@example.net",), "Grüße", "café")


def test_a_server_that_is_away_is_an_os_error(mail_server: MailServer) -> None:
    mail_server.stop()
    with pytest.raises(OSError, match="refused"):
        SmtpServer(mail_server.url, SENDER).send("ann@example.net", "x", "x")


def test_silence_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(OSError, match="timed out"):
            SmtpServer(f"smtp://127.0.0.1:{silent.getsockname()[1]}", SENDER).send("a@example.net", "x", "x")
    assert time.monotonic() - began < 5
