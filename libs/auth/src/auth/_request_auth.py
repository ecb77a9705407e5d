"""What one request may do, and what its answer has to say of it. It knows HTTP, and no framework."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from auth._auth_config import AuthConfig, RequestHead
from auth._cookies import CLEAR, session_tokens, set_cookie
from auth._csrf import SAFE_METHODS
from auth._errors import (
    InsufficientScopeError,
    InvalidApiKeyError,
    InvalidTokenError,
    NotSignedInError,
    ReauthenticationRequiredError,
    SessionEndedError,
)
from auth._roles import Identity, Kind, covers
from auth._session import NOTHING, IssuedSession, Session

CLEAR_SITE_DATA: Final = '"cache", "storage"'
"""The quotes are part of it. Not "cookies": that clears those of every sibling on the domain."""
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
CLIENT_ERRORS: Final = 400
SERVER_ERRORS: Final = 500


class RequestAuth:
    """Authenticates one request when it is asked to, at most once, and signs in and out.

    Where there is a bearer's credential, it alone counts: no site can make a browser send one. Those of Basic
    or Negotiate browsers send by themselves, to a proxy in front for example: they are none of ours.
    """

    def __init__(self, config: AuthConfig, head: RequestHead) -> None:
        self._config = config
        self._head = head
        schemes = [value.partition(" ") for value in head.values("authorization")]
        self._bearer_credentials = [
            credential.strip() for scheme, _, credential in schemes if scheme.lower() == "bearer"
        ]
        self._cookies = session_tokens(head.values("cookie"))
        self._identity: Identity | None = None
        self._session: Session | None = None
        self._is_resolved = self._has_loaded = self._concerns_session = False
        self._has_signed_out = False
        self._set_cookie: str | None = None
        self._missing_scope: str | None = None

    async def identity(self) -> Identity | None:
        """Return who is asking, or None. Raises: StoreUnavailableError."""
        if not self._is_resolved:
            found = await (self._bearer() if self._bearer_credentials else self._cookie())
            self._identity = await self._with_roles(found) if found else None
            self._is_resolved = True
        return self._identity

    async def signed_in(self) -> Identity:
        """Raises: NotSignedInError, StoreUnavailableError."""
        identity = await self.identity()
        if identity is None:
            raise NotSignedInError("sign in first")
        return identity

    async def require(self, permission: str) -> Identity:
        """Raises: InsufficientScopeError, ForbiddenError, and what `signed_in` does."""
        identity = await self.signed_in()
        try:
            identity.require(permission)
        except InsufficientScopeError:
            self._missing_scope = permission
            raise
        return identity

    async def require_scope(self, permission: str) -> Identity:
        """Ask the scopes of an API key alone, where roles are looked up elsewhere; a person has no scopes.

        Raises: InsufficientScopeError, and what `signed_in` does.
        """
        identity = await self.signed_in()
        if not covers(identity.scopes, permission):
            self._missing_scope = permission
            raise InsufficientScopeError(f"the key has no scope for {permission}")
        return identity

    async def fresh(self, seconds: float) -> Session:
        """Return the session of a cookie whose login is younger.

        Raises: ReauthenticationRequiredError, and what `signed_in` does.
        """
        session = (await self.signed_in()).session
        if session is None or not session.is_fresh(seconds):
            raise ReauthenticationRequiredError("show the password again")
        return session

    async def same_site(self) -> None:
        """Raises: CrossSiteError, StoreUnavailableError."""
        if self._bearer_credentials or self._head.method in SAFE_METHODS:
            return
        # What the answer will be depends on it from here on, whatever the route.
        self._concerns_session = True
        method, fetch_site, origin = (
            self._head.method,
            self._head.values("sec-fetch-site"),
            self._head.values("origin"),
        )
        csrf, token = self._config.csrf, self._head.values("x-csrf-token")
        needs_session = csrf.needs_session(method, fetch_site, origin)
        csrf.check(
            method,
            fetch_site=fetch_site,
            origin=origin,
            token=token[0] if len(token) == 1 else None,
            session=await self._load() if needs_session else None,
        )

    async def csrf_token(self) -> str:
        """Return the token for a client that sends neither Sec-Fetch-Site nor Origin.

        Raises: NotSignedInError, StoreUnavailableError.
        """
        session = await self._load()
        if session is None:
            raise NotSignedInError("the token belongs to a session")
        return session.csrf_token

    async def sign_in(
        self, subject: str, *, data: Mapping[str, str] = NOTHING, begun_at: datetime | None = None
    ) -> IssuedSession:
        """Begin a session, end those that the browser presented, and set the cookie unless the request fails.

        Raises: what `Sessions.create` does.
        """
        issued = await self._config.sessions.create(
            subject, replaces=self._cookies, data=data, begun_at=begun_at
        )
        self._take(issued)
        return issued

    async def rotate(self, *, authenticated: bool = False) -> IssuedSession:
        """Give the session another token, and set the cookie.

        Raises: SessionEndedError, NotSignedInError, StoreUnavailableError.
        """
        session = await self._load()
        if session is None:
            raise NotSignedInError("sign in first")
        try:
            issued = await self._config.sessions.rotate(session, authenticated=authenticated)
        except SessionEndedError:
            self._session = None
            raise
        self._take(issued)
        return issued

    async def sign_out(self) -> Sequence[Session]:
        """End every session that was presented, and clear the cookie. Who is signed out already stays so."""
        ended = await self._config.sessions.end(*self._cookies)
        self._concerns_session = self._has_loaded = self._has_signed_out = True
        self._session, self._set_cookie, self._is_resolved = None, CLEAR, False
        return ended

    def answer_headers(self, status: int) -> Sequence[tuple[str, str]]:
        """Return the fields of an answer with this status; `cache-control` takes the place of its own."""
        headers = []
        if self._concerns_session or self._is_resolved:
            headers += [("cache-control", "no-store"), ("vary", "Cookie")]
            if self._config.takes_bearer:
                headers.append(("vary", "Authorization"))
        is_dead = bool(self._cookies) and self._has_loaded and self._session is None
        if self._set_cookie and status < CLIENT_ERRORS:
            headers.append(("set-cookie", self._set_cookie))
        elif is_dead and status < SERVER_ERRORS:
            headers.append(("set-cookie", CLEAR))
        if self._has_signed_out and status < CLIENT_ERRORS:
            headers.append(("clear-site-data", CLEAR_SITE_DATA))
        return headers + [("www-authenticate", challenge) for challenge in self._challenges(status)]

    def _challenges(self, status: int) -> Sequence[str]:
        """Source: RFC 9110, section 11.6.1; RFC 6750, section 3: no error where no credentials came."""
        realm = f'realm="{self._config.realm}"'
        if status == FORBIDDEN and self._missing_scope:
            return [f'Bearer {realm}, error="insufficient_scope", scope="{self._missing_scope}"']
        if status != UNAUTHORIZED:
            return []
        if self._bearer_credentials:
            return [f'Bearer {realm}, error="invalid_token"']
        return [f"Session {realm}", *([f"Bearer {realm}"] if self._config.takes_bearer else [])]

    def _take(self, issued: IssuedSession) -> None:
        self._concerns_session = self._has_loaded = True
        self._session, self._set_cookie, self._is_resolved = issued.session, set_cookie(issued.token), False

    async def _load(self) -> Session | None:
        self._concerns_session = True
        if not self._has_loaded:
            self._session = await self._config.sessions.load(*self._cookies)
            self._has_loaded = True
        return self._session

    async def _cookie(self) -> Identity | None:
        session = await self._load()
        if session is None:
            return None
        return Identity(session.subject, Kind.SESSION, session.id, session=session)

    async def _bearer(self) -> Identity | None:
        credential, *others = self._bearer_credentials
        if others:
            return None
        keys, tokens = self._config.api_keys, self._config.access_tokens
        try:
            if keys and keys.key_format.claims(credential):
                key = await keys.authenticate(credential)
                return Identity(key.subject, Kind.API_KEY, key.id, scopes=key.scopes)
            if tokens:
                claims = tokens.tokens.verify(credential)
                if await tokens.is_live(claims):
                    return Identity(claims.subject, Kind.ACCESS_TOKEN, claims.session_id)
        except (InvalidApiKeyError, InvalidTokenError):
            return None
        return None

    async def _with_roles(self, found: Identity) -> Identity | None:
        """Roles are the application's, and of now: no credential is believed in what it says of them."""
        roles = await self._config.roles_of(found.subject)
        if roles is None:
            return None
        permissions = self._config.roles.permissions_of(roles)
        return replace(found, roles=frozenset(roles), permissions=permissions)
