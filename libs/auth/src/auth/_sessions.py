"""Sessions on the server: who is signed in, for how long, and how it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from auth._errors import LoginVoidedError, SessionEndedError
from auth._session import (
    NOTHING,
    IssuedSession,
    NewSession,
    Session,
    SessionPolicy,
    SessionStore,
    moment_of,
    ms_of,
)
from auth._tokens import csrf_token, digest, is_well_formed, new_id, new_token

MOST_CANDIDATES: Final = 16
"""Of the cookies of one request. Browsers send one; what is above is no browser's."""


class Sessions:
    """The life of sessions. Every method raises StoreUnavailableError while the store is away."""

    def __init__(self, store: SessionStore, policy: SessionPolicy | None = None) -> None:
        self._store = store
        self._policy = policy or SessionPolicy()

    async def moment(self) -> datetime:
        """Return the store's time: ask before the account is read, and give it to `create`."""
        return moment_of(await self._store.now_ms())

    async def create(
        self,
        subject: str,
        *,
        replaces: Sequence[str] = (),
        data: Mapping[str, str] = NOTHING,
        begun_at: datetime | None = None,
    ) -> IssuedSession:
        """Sign a subject in with a new token, whatever tokens the browser presented: these end.

        Above the cap the least recently used end. With `begun_at`, a login that began before `end_all` comes
        to nothing: the password that it was shown may be the old one.

        Raises: LoginVoidedError.
        """
        token = new_token()
        new = NewSession(digest(token), new_id(), subject, data)
        begun_ms = None if begun_at is None else ms_of(begun_at)
        created = await self._store.create(new, self._policy, list(candidates(replaces)), begun_ms)
        if created is None:
            raise LoginVoidedError("all sessions were ended while this login ran")
        session, ended = created
        return IssuedSession(token, replace(session, csrf_token=csrf_token(token)), ended)

    async def load(self, *tokens: str) -> Session | None:
        """Return the session of the first token that is live; the store is asked once, or not at all."""
        found = candidates(tokens)
        session = await self._store.load(list(found), self._policy) if found else None
        return session and replace(session, csrf_token=csrf_token(found[session.digest]))

    async def rotate(self, session: Session, *, authenticated: bool = False) -> IssuedSession:
        """Give the session a new token, at each change of privilege; the old one is dead at once.

        `authenticated` says that the password was shown just now. The absolute end stays where it was.

        Raises: SessionEndedError.
        """
        token = new_token()
        rotated = await self._store.rotate(
            session.digest, digest(token), self._policy, authenticated=authenticated
        )
        if rotated is None:
            raise SessionEndedError("the session ended while the request ran")
        return IssuedSession(token, replace(rotated, csrf_token=csrf_token(token)))

    async def end(self, *tokens: str) -> Sequence[Session]:
        """End what these tokens stand for, and return it; a token that is dead already is no error.

        One that was rotated in the last minute ends its successor: who signs out while another request of
        the same browser rotates the token is signed out.
        """
        found = candidates(tokens)
        return await self._store.end(list(found), self._policy) if found else ()

    async def end_by_id(self, subject: str, public_id: str) -> Session | None:
        """End one of the subject's own sessions; of another's there is none with this id."""
        return await self._store.end_by_id(subject, public_id, self._policy)

    async def end_all(self, subject: str, *, but: Session | None = None) -> Sequence[Session]:
        """End all sessions of a subject, or all others, on every process at the next request.

        Logins that have begun come to nothing, if they say when they began.
        """
        return await self._store.end_all(subject, self._policy, but.digest if but else "")

    async def list(self, subject: str) -> Sequence[Session]:
        """Return the subject's live sessions, the one used last first."""
        return await self._store.list(subject, self._policy)


def candidates(tokens: Sequence[str]) -> Mapping[str, str]:
    """Return those that can have been issued here, each once, in their order, under their digests."""
    well_formed = [token for token in dict.fromkeys(tokens) if is_well_formed(token)]
    return {digest(token): token for token in well_formed[:MOST_CANDIDATES]}
