"""The channel to a mailbox."""

import smtplib
from contextlib import closing, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final
from urllib.parse import unquote, urlsplit

from reminders.callbacks import mail_address_of
from reminders.delivery import describe
from reminders.detached import run_detached
from reminders.domain import Claim, Outcome, Result

DEFAULT_PORTS: Final = {"smtp": 25, "smtps": 465}


class MailChannel:
    """Hands the reminder to a mail server, on a thread: smtplib blocks."""

    def __init__(self, smtp_url: str, sender: str, timeout_seconds: float) -> None:
        self._server = urlsplit(smtp_url)
        self._sender = sender
        self._timeout_seconds = timeout_seconds

    async def deliver(self, claim: Claim, sent_at: datetime) -> Result:
        """Send one letter; the thread may finish it after the caller has given up."""
        receiver = mail_address_of(claim.callback_url or "") or ""
        try:
            letter = self._letter(claim, receiver, sent_at)
            await run_detached(lambda: self._send(receiver, letter))
        except smtplib.SMTPResponseException as error:
            answer = f"the mail server answered {error.smtp_code}"
            return Result(Outcome.FAILED, error.smtp_code, answer)
        except (smtplib.SMTPException, OSError) as error:
            return Result(Outcome.FAILED, error=describe(error))
        return Result(Outcome.DELIVERED)

    def _letter(self, claim: Claim, receiver: str, sent_at: datetime) -> bytes:
        letter = EmailMessage()
        letter["From"] = self._sender
        letter["To"] = receiver
        letter["Subject"] = "Reminder"
        letter["Date"] = sent_at
        # The same for every attempt, so that the receiver's mail server can make it once.
        letter["Message-ID"] = f"<{claim.id}.{claim.occurrence}@reminders>"
        letter.set_content(claim.message, cte="quoted-printable")  # not every server takes eight bits
        return letter.as_bytes(policy=SMTP)

    def _send(self, receiver: str, letter: bytes) -> None:
        server = self._server
        kind = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
        port = server.port or DEFAULT_PORTS[server.scheme]
        with closing(kind(server.hostname or "", port, timeout=self._timeout_seconds)) as connection:
            if server.username:
                if server.scheme == "smtp":
                    connection.starttls()  # a password goes over an encrypted connection, or not at all
                connection.login(unquote(server.username), unquote(server.password or ""))
            connection.sendmail(self._sender, [receiver], letter)
            with suppress(smtplib.SMTPException, OSError):  # the letter is taken, however they part
                connection.quit()
