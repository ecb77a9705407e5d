"""One transaction, and whose rows it may see.

The idea of tenancy: PostgreSQL itself shows a transaction the rows of one tenant. Each table of a tenant's
rows has a policy that compares them with `app.tenant_id`, which is set here, for this transaction alone.
Where nobody has set it, there are no rows. So a query that forgets its WHERE is a wrong answer, and never
somebody else's data. The role that asks neither owns the tables nor may pass over policies: see migrations.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import PostgresRefreshTokenStore, RefreshPolicy, RefreshTokens
from core.audit.domain import Action, Actor, Deed
from core.audit.repository import AuditTrail
from core.files.repository import Files
from core.flags.repository import Flags
from core.idempotency.repository import IdempotencyKeys
from core.identity.repository import EmailTokens, LoginGuesses, Logins, Users
from core.inbox.repository import Inbox, Sources
from core.invitations.repository import Invitations
from core.jobs.repository import Jobs
from core.keys.repository import Keys
from core.mail.repository import Mails
from core.projects.repository import Projects
from core.tenancy.domain import Access
from core.tenancy.repository import Organisations
from core.webhooks.announcer import Announcer
from core.webhooks.deliveries import Deliveries
from core.webhooks.domain import EventType
from core.webhooks.repository import Endpoints
from service_kit.database import Database


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a transaction sees: a tenant's, a user's own, the API key or the source that is named."""

    tenant_id: UUID | None = None
    user_id: UUID | None = None
    key_digest: str | None = None
    source_id: UUID | None = None


NOBODY: Final = Scope()
IS_LOCAL: Final = True
type BeginUnitOfWork = Callable[[Scope], AbstractAsyncContextManager["UnitOfWork"]]


@asynccontextmanager
async def unit_of_work(
    database: Database, refresh: RefreshPolicy, announcer: Announcer, scope: Scope
) -> AsyncIterator["UnitOfWork"]:
    """Begin a transaction. Raises: StoreUnavailableError, in bounded time."""
    async with database.transaction() as connection:
        if scope != NOBODY:
            await connection.execute(
                select(
                    func.set_config("app.tenant_id", str(scope.tenant_id or ""), IS_LOCAL),
                    func.set_config("app.user_id", str(scope.user_id or ""), IS_LOCAL),
                    func.set_config("app.key_digest", scope.key_digest or "", IS_LOCAL),
                    func.set_config("app.source_id", str(scope.source_id or ""), IS_LOCAL),
                )
            )
        yield UnitOfWork(connection, refresh, announcer)


class UnitOfWork:
    """What one transaction works with. What is not committed is rolled back."""

    def __init__(self, connection: AsyncConnection, refresh: RefreshPolicy, announcer: Announcer) -> None:
        self.connection = connection
        self._refresh = refresh
        self._announcer = announcer

    async def commit(self) -> None:
        await self.connection.commit()

    async def record(self, access: Access, action: Action, target: UUID | str, **detail: object) -> None:
        """Write down what a caller does: see `append`."""
        await self.append(access.tenant_id, access.actor, action, target, **detail)

    async def append(
        self, tenant_id: UUID, actor: Actor, action: Action, target: UUID | str, **detail: object
    ) -> None:
        """Write down what this transaction does, and tell the tenant's endpoints: last, before its commit."""
        entry = await self.audit.append(tenant_id, actor, Deed(action, target, detail))
        await self._announcer.announce(self.connection, tenant_id, entry)

    async def tell(self, tenant_id: UUID, event_type: EventType, at: str, data: Mapping[str, object]) -> None:
        """Tell the tenant's endpoints of something that is no change."""
        await self._announcer.tell(self.connection, tenant_id, event_type, at, data)

    @cached_property
    def users(self) -> Users:
        return Users(self.connection)

    @cached_property
    def email_tokens(self) -> EmailTokens:
        return EmailTokens(self.connection)

    @cached_property
    def login_guesses(self) -> LoginGuesses:
        return LoginGuesses(self.connection)

    @cached_property
    def logins(self) -> Logins:
        return Logins(self.connection)

    @cached_property
    def mails(self) -> Mails:
        return Mails(self.connection)

    @cached_property
    def refresh_tokens(self) -> RefreshTokens:
        return RefreshTokens(PostgresRefreshTokenStore(self.connection), self._refresh)

    @cached_property
    def organisations(self) -> Organisations:
        return Organisations(self.connection)

    @cached_property
    def idempotency(self) -> IdempotencyKeys:
        return IdempotencyKeys(self.connection)

    @cached_property
    def invitations(self) -> Invitations:
        return Invitations(self.connection)

    @cached_property
    def projects(self) -> Projects:
        return Projects(self.connection)

    @cached_property
    def keys(self) -> Keys:
        return Keys(self.connection)

    @cached_property
    def flags(self) -> Flags:
        return Flags(self.connection)

    @cached_property
    def files(self) -> Files:
        return Files(self.connection)

    @cached_property
    def audit(self) -> AuditTrail:
        return AuditTrail(self.connection)

    @cached_property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.connection)

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.connection)

    @cached_property
    def sources(self) -> Sources:
        return Sources(self.connection)

    @cached_property
    def inbox(self) -> Inbox:
        return Inbox(self.connection)

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(self.connection)
