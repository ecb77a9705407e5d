"""The verbs of the management API: sources and their secrets."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service_kit.egress import EgressGuard, RefusedDestinationError
from webhooks.domain import HmacScheme, KnownSource, Scheme, Secret, Source, SourceState
from webhooks.errors import InvalidFieldError
from webhooks.keys import key_of, new_secret
from webhooks.sources import Sources


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source that somebody asks for; without a secret one is made up."""

    name: str
    scheme: Scheme
    destination: str
    secret: str | None
    hmac: HmacScheme | None
    key_header: str | None
    key_pointers: list[str]
    ordering_pointer: str | None
    limit_per_minute: int | None


@dataclass(frozen=True, slots=True)
class MadeSource:
    """A source, and what is shown this once: the two secrets."""

    known: KnownSource
    secret: str
    signing_secret: str


class Management:
    """Makes and changes sources. All raise StoreUnavailableError, in bounded time."""

    def __init__(
        self,
        sources: Sources,
        guard: EgressGuard,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._sources = sources
        self._guard = guard
        self._now = now
        self._new_id = new_id

    async def make(self, wanted: NewSource) -> MadeSource:
        """Raises: InvalidFieldError, SourceExistsError."""
        self._check(wanted.destination)
        secret = self._secret(wanted.scheme, wanted.secret, None)
        source = Source(
            id=self._new_id(),
            name=wanted.name,
            scheme=wanted.scheme,
            state=SourceState.ACTIVE,
            destination=wanted.destination,
            created_at=self._now(),
            hmac=wanted.hmac,
            key_header=wanted.key_header,
            key_pointers=wanted.key_pointers,
            ordering_pointer=wanted.ordering_pointer,
            limit_per_minute=wanted.limit_per_minute,
        )
        signing_secret = new_secret(Scheme.STANDARD)
        await self._sources.add(source, signing_secret, secret)
        return MadeSource(KnownSource(source, [secret]), secret.text, signing_secret)

    async def change(self, name: str, state: SourceState | None, destination: str | None) -> KnownSource:
        """Raises: InvalidFieldError, SourceNotFoundError."""
        if destination is not None:
            self._check(destination)
        known = await self._sources.get(name)
        await self._sources.change(known.source.id, state, destination)
        return await self._sources.get(name)

    async def add_secret(self, name: str, text: str | None, not_after: datetime | None) -> Secret:
        """Raises: InvalidFieldError, SourceNotFoundError."""
        known = await self._sources.get(name)
        secret = self._secret(known.source.scheme, text, not_after)
        await self._sources.add_secret(known.source.id, secret)
        return secret

    async def expire_secret(self, name: str, secret_id: UUID, not_after: datetime | None) -> KnownSource:
        """Raises: SourceNotFoundError, SecretNotFoundError."""
        known = await self._sources.get(name)
        await self._sources.expire_secret(known.source.id, secret_id, not_after)
        return await self._sources.get(name)

    def _check(self, destination: str) -> None:
        try:
            self._guard.check(destination)
        except RefusedDestinationError as refused:
            raise InvalidFieldError("destination", refused.code, str(refused)) from refused

    def _secret(self, scheme: Scheme, text: str | None, not_after: datetime | None) -> Secret:
        text = new_secret(scheme) if text is None else text
        kind, key = key_of(scheme, text)
        return Secret(self._new_id(), kind, key, text, not_after, self._now())
