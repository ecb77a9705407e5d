import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from kata.errors import LaunchError
from kata.servers.mail import Mail, MailServer
from kata.system.ports import HOST

PATIENCE_SECONDS = 10.0


@pytest.fixture
def server() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


def send(server: MailServer, to: str, text: str = "hello") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.net", to, "Gr\u00fc\u00dfe"
    message.set_content(text)
    with smtplib.SMTP(HOST, server.port, timeout=PATIENCE_SECONDS) as client:
        client.send_message(message)


def test_a_mail_is_kept_for_whom_it_is_whatever_the_case_of_the_address(server: MailServer) -> None:
    send(server, "Ann@Example.net", "caf\u00e9 https://example.net/#token=x")
    (mail,) = server.received("ann@example.NET")
    assert mail.subject == "Gr\u00fc\u00dfe"
    assert mail.text.strip() == "caf\u00e9 https://example.net/#token=x"
    assert server.received("bob@example.net") == []


def test_who_waits_gets_what_has_come_when_the_time_is_up(server: MailServer) -> None:
    send(server, "ann@example.net")
    assert len(server.wait_for("ann@example.net", 1, PATIENCE_SECONDS)) == 1
    assert len(server.wait_for("ann@example.net", 2, 0.05)) == 1


def test_it_listens_again_on_the_same_port_and_keeps_what_it_had(server: MailServer) -> None:
    send(server, "ann@example.net")
    server.stop()
    with pytest.raises(OSError, match="refused"):
        send(server, "ann@example.net")
    server.start()
    send(server, "ann@example.net")
    assert len(server.received("ann@example.net")) == 2


def test_each_mail_is_told() -> None:
    told: list[Mail] = []
    server = MailServer(on_mail=told.append)
    server.start()
    send(server, "ann@example.net")
    server.stop()
    assert [mail.recipients for mail in told] == [("ann@example.net",)]


def test_a_port_that_is_taken_is_named(server: MailServer) -> None:
    with pytest.raises(LaunchError, match=str(server.port)):
        MailServer(server.port).start()


def test_it_does_not_say_what_it_is(server: MailServer) -> None:
    with smtplib.SMTP(timeout=PATIENCE_SECONDS) as client:
        _, greeting = client.connect(HOST, server.port)
        client.ehlo()
    assert b"ython" not in greeting + (client.ehlo_resp or b"")
