"""Sends the mails that were promised, until a server has taken them. What a mail says is decided then.

So a request that asks for one does the same for every address: it writes a row.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from core.errors import StoreUnavailableError
from core.identity.domain import TokenKind, digest_of, new_token
from core.mail import texts
from core.mail.domain import DueMail, MailKind
from core.unit_of_work import NOBODY, BeginUnitOfWork, Scope

LOOK_SECONDS: Final = 1.0

log = structlog.get_logger()
type Send = Callable[[str, str, str], None]
"""Hands a mail over: recipient, subject, text. Raises: OSError."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is sent."""

    subject: str
    text: str


class Outbox:
    """One of any number: each takes other mails."""

    def __init__(self, begin: BeginUnitOfWork, send: Send, origin: str, token_life: timedelta) -> None:
        self._begin = begin
        self._send = send
        self._origin = origin
        self._token_life = token_life
        self._promised = asyncio.Event()

    def wake(self) -> None:
        """Look at once: a mail may have been promised."""
        self._promised.set()

    async def run(self) -> None:
        """Send what is due, until cancelled."""
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
        async with self._begin(NOBODY) as uow:
            mail = await uow.mails.take()
            await uow.commit()
        if mail is None:
            return False
        letter = await self._write(mail)
        try:
            if letter is not None:  # else there is nothing to say any more
                await asyncio.to_thread(self._send, mail.email, letter.subject, letter.text)
        except OSError as error:
            log.warning("a mail is not sent", kind=mail.kind, reason=type(error).__name__)
            async with self._begin(NOBODY) as uow:
                await uow.mails.put_off(mail.id, mail.wait())
                await uow.commit()
            return True
        async with self._begin(NOBODY) as uow:
            await uow.mails.sent(mail.id)
            await uow.commit()
        return True

    async def _write(self, mail: DueMail) -> Letter | None:
        if mail.kind is MailKind.INVITATION:
            return await self._invitation(mail)
        if mail.kind is MailKind.ENDPOINT_DISABLED:
            return await self._endpoint_disabled(mail)
        async with self._begin(NOBODY) as uow:
            has_account = await uow.users.by_email(mail.email) is not None
        match mail.kind, has_account:
            case MailKind.REGISTRATION, False:
                token = await self._token(mail, TokenKind.REGISTRATION)
                return self._letter("Choose your password", texts.REGISTER, token)
            case MailKind.REGISTRATION, _:
                return self._letter("You have an account", texts.HAS_ACCOUNT)
            case _, True:
                token = await self._token(mail, TokenKind.RESET)
                return self._letter("Choose another password", texts.RESET, token)
            case _:
                return self._letter("You have no account", texts.NO_ACCOUNT)

    async def _invitation(self, mail: DueMail) -> Letter | None:
        tenant_id, invitation_id = UUID(mail.args["tenant_id"]), UUID(mail.args["invitation_id"])
        async with self._begin(Scope(tenant_id)) as uow:
            organisation = await uow.organisations.find(tenant_id)
            found = [one for one in await uow.invitations.of_tenant(tenant_id) if one.id == invitation_id]
        if organisation is None or not found:
            return None
        text = texts.INVITATION.format(
            origin=self._origin, organisation=organisation.name, role=found[0].role
        )
        return Letter("You are invited", text)

    async def _endpoint_disabled(self, mail: DueMail) -> Letter | None:
        tenant_id = UUID(mail.args["tenant_id"])
        async with self._begin(Scope(tenant_id)) as uow:
            organisation = await uow.organisations.find(tenant_id)
        if organisation is None:
            return None
        text = texts.ENDPOINT_DISABLED[mail.args["reason"]].format(
            origin=self._origin, organisation=organisation.name, url=mail.args["url"]
        )
        return Letter("A webhook is disabled", text)

    def _letter(self, subject: str, text: str, token: str = "") -> Letter:
        return Letter(subject, text.format(origin=self._origin, token=token))

    async def _token(self, mail: DueMail, kind: TokenKind) -> str:
        token = new_token()
        async with self._begin(NOBODY) as uow:
            await uow.email_tokens.add(digest_of(token), kind, mail.email, self._token_life)
            await uow.commit()
        return token
