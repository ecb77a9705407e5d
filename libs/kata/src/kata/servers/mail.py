"""A mail server that takes in every message and remembers it: what a service sends, the verifier reads."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from kata.errors import LaunchError
from kata.system.ports import HOST, free_port, is_free

# Nobody who sends a mail is told that its receiver is a verifier.
_HOST_NAME = "mx.example.net"
_IDENT = "ESMTP"


@dataclass(frozen=True)
class Mail:
    """One message as it came in."""

    recipients: tuple[str, ...]
    subject: str
    text: str  # the part in plain text; empty if there is none
    received: float  # of the monotonic clock


class MailServer:
    """SMTP on 127.0.0.1, in one background thread; it keeps its port over restarts."""

    def __init__(self, port: int | None = None, on_mail: Callable[[Mail], None] | None = None) -> None:
        """Tell `on_mail` of each message, in the server's own thread."""
        self.port = free_port(HOST) if port is None else port
        self._on_mail = on_mail
        self._mails: list[Mail] = []
        self._changed = threading.Condition()
        self._running: Controller | None = None

    @property
    def url(self) -> str:
        """`smtp://127.0.0.1:PORT`."""
        return f"smtp://{HOST}:{self.port}"

    def start(self) -> None:
        """Begin to listen.

        Raises:
            LaunchError: the port is taken.

        """
        if self._running is not None:
            return
        if not is_free(HOST, self.port):
            raise LaunchError(f"the mail server can't start: port {self.port} is in use")
        self._running = Controller(
            _Handler(self._take),
            hostname=HOST,
            port=self.port,
            server_hostname=_HOST_NAME,
            ident=_IDENT,
        )
        self._running.start()

    def stop(self) -> None:
        """Listen no more; what was received stays. A second call changes nothing."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def received(self, address: str) -> list[Mail]:
        """Return the mails to this address so far, whatever its case."""
        with self._changed:
            return self._to(address)

    def wait_for(self, address: str, count: int, timeout_seconds: float) -> list[Mail]:
        """Return the mails to this address when `count` have come, or fewer when the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._to(address)) >= count, timeout_seconds)
            return self._to(address)

    def _to(self, address: str) -> list[Mail]:
        wanted = address.lower()
        return [mail for mail in self._mails if wanted in map(str.lower, mail.recipients)]

    def _take(self, envelope: Envelope) -> None:
        content = envelope.content or b""
        message = message_from_bytes(
            content if isinstance(content, bytes) else content.encode(), policy=policy.default
        )
        body = message.get_body(preferencelist=("plain",))
        mail = Mail(
            tuple(envelope.rcpt_tos),
            str(message["subject"] or ""),
            str(body.get_content()).replace("\r\n", "\n") if body is not None else "",
            time.monotonic(),
        )
        with self._changed:
            self._mails.append(mail)
            self._changed.notify_all()
        if self._on_mail is not None:
            self._on_mail(mail)


class _Handler:
    """What the library calls for each message."""

    def __init__(self, take: Callable[[Envelope], None]) -> None:
        self._take = take

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the message in; the name and the arguments are the library's."""
        del server, session
        self._take(envelope)
        return "250 OK"
