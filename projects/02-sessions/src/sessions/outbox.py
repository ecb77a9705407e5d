"""Mails that were promised, sent until a server has taken them. What a mail says is decided when it is sent.

So a request that asks for one does the same for every address: it writes a row.
"""

import asyncio
import hashlib
import secrets
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from service_kit.smtp import SmtpServer
from sessions.domain import DueMail, MailKind
from sessions.errors import StoreUnavailableError
from sessions.repository import BeginUnitOfWork

LOOK_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 300

REGISTER: Final = """Hello,

somebody, probably you, wants an account with this address at {origin}.
To choose its password open

  {origin}/#token={token}

Was it not you? Then ignore this mail, and nothing happens.
"""
CHANGE: Final = """Hello,

somebody, probably you, wants to use this address for an account at {origin}.
To confirm it open

  {origin}/#email-token={token}

Was it not you? Then ignore this mail, and nothing happens.
"""
HAS_ACCOUNT: Final = """Hello,

somebody, probably you, has asked for an account with this address at {origin}.
It has one already: sign in there.

Was it not you? Then ignore this mail: nobody was told that the account exists.
"""

log = structlog.get_logger()


def new_token() -> str:
    return secrets.token_urlsafe(32)


def hash_of_token(token: str) -> bytes:
    """Return what is stored of a token: who reads the table can use none."""
    return hashlib.sha256(token.encode()).digest()


class Outbox:
    """Sends what is due, as long as `run` runs; of several processes each takes other mails."""

    def __init__(self, begin: BeginUnitOfWork, server: SmtpServer, origin: str, token_seconds: float) -> None:
        self._begin = begin
        self._server = server
        self._origin = origin
        self._token_life = timedelta(seconds=token_seconds)
        self._promised = asyncio.Event()

    def wake(self) -> None:
        """Look at once: a mail was promised."""
        self._promised.set()

    async def run(self) -> None:
        while True:
            self._promised.clear()
            try:
                while await self._send_one():
                    pass
            except StoreUnavailableError as error:
                log.warning("no mail can be sent", reason=str(error))
            except Exception:
                # A row that nobody here has written: it is due again later, and others are sent before.
                log.exception("unexpected error in a mail")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._promised.wait(), LOOK_SECONDS)

    async def _send_one(self) -> bool:
        """Send the mail that is due for longest, if there is one. A crash in here sends it twice."""
        async with self._begin() as uow:
            mail = await uow.take_mail()
            await uow.commit()
        if mail is None:
            return False
        subject, text = await self._write(mail)
        try:
            await asyncio.to_thread(self._server.send, mail.email, subject, text)
        except OSError as error:
            await self._put_back(mail, error)
            return False
        async with self._begin() as uow:
            await uow.mail_sent(mail)
            await uow.commit()
        return True

    async def _write(self, mail: DueMail) -> tuple[str, str]:
        if mail.has_account:
            return "You have an account", HAS_ACCOUNT.format(origin=self._origin)
        token = new_token()
        async with self._begin() as uow:
            await uow.add_token(hash_of_token(token), mail, self._token_life)
            await uow.commit()
        subject, text = {
            MailKind.REGISTRATION: ("Choose your password", REGISTER),
            MailKind.EMAIL_CHANGE: ("Confirm your new address", CHANGE),
        }[mail.kind]
        return subject, text.format(origin=self._origin, token=token)

    async def _put_back(self, mail: DueMail, error: OSError) -> None:
        wait = timedelta(seconds=min(2 ** min(mail.attempts - 1, 10), LONGEST_WAIT_SECONDS))
        log.warning("a mail is not sent", reason=type(error).__name__, again_seconds=wait.total_seconds())
        async with self._begin() as uow:
            await uow.mail_failed(mail, wait)
            await uow.commit()
