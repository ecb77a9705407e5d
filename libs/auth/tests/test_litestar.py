"""An application of Litestar on the library, asked over HTTP: what its answers carry, and whom it lets in."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import httpx
import pytest
from litestar import Litestar, WebSocket, get, post, websocket
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from auth import (
    AccessClaims,
    AccessTokenAuth,
    AccessTokens,
    ApiKeyAuth,
    ApiKeyFormat,
    ApiKeys,
    AuthConfig,
    CsrfGuard,
    Identity,
    MemoryApiKeyStore,
    MemorySessionStore,
    Role,
    Roles,
    SessionPolicy,
    Sessions,
    StoreUnavailableError,
)
from auth.litestar import CSRF_EXEMPT, AuthPlugin, AuthRequest, fresh, has_scope, requires, signed_in

pytestmark = pytest.mark.anyio

ORIGIN = "https://shop.example"
SET = "Path=/; Secure; HttpOnly; SameSite=Lax"
CLEARED = f"__Host-session=; Max-Age=0; {SET}"
BROWSER = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Site:
    """An application, and what a test may turn of it."""

    now: float = 1_800_000_000
    roles: dict[str, Collection[str]] = field(default_factory=lambda: {"ann": ["admin"], "acme": ["admin"]})
    ended: set[str] = field(default_factory=set)
    is_down: bool = False

    def __post_init__(self) -> None:
        self.store = MemorySessionStore(lambda: self.now)
        self.sessions = Sessions(self.store, SessionPolicy(cap=3))
        self.tokens = AccessTokens({"1": b"k" * 32}, "1", issuer="i", audience="a", clock=lambda: self.now)
        self.key_format = ApiKeyFormat("cap_live")
        self.keys = ApiKeys(MemoryApiKeyStore(), self.key_format)
        self.config = AuthConfig(
            Roles([Role("admin", 1, frozenset({"projects:write"}))]),
            self.roles_of,
            self.sessions,
            CsrfGuard(ORIGIN),
            AccessTokenAuth(self.tokens, self.is_live),
            ApiKeyAuth(self.key_format, self.keys.authenticate),
            realm="shop",
        )
        routes = [
            login,
            refuse,
            fail,
            busy,
            logout,
            me,
            write,
            account,
            rotate,
            careful,
            token,
            hook,
            maybe,
            public,
            socket,
        ]
        self.app = Litestar(routes, plugins=[AuthPlugin(self.config)], openapi_config=None)

    async def roles_of(self, subject: str) -> Collection[str] | None:
        if self.is_down:
            raise StoreUnavailableError("PostgreSQL is away")
        return self.roles.get(subject)

    async def is_live(self, claims: AccessClaims) -> bool:
        return claims.session_id not in self.ended


@post("/login/{subject:str}", status_code=200)
async def login(request: AuthRequest, subject: FromPath[str]) -> dict[str, str]:
    issued = await request.auth.sign_in(subject, data={"user_agent": "test"})
    return {"id": issued.session.id}


@post("/refuse")
async def refuse(request: AuthRequest) -> None:
    await request.auth.sign_in("ann")
    raise HTTPException(status_code=401)


@post("/fail")
async def fail(request: AuthRequest) -> None:
    await request.auth.sign_in("ann")
    raise HTTPException(status_code=503)


@get("/busy")
async def busy(request: AuthRequest) -> None:
    await request.auth.identity()
    raise HTTPException(status_code=503)


@post("/logout", status_code=204)
async def logout(request: AuthRequest) -> None:
    await request.auth.sign_out()


@get("/me", guards=[signed_in])
async def me(request: AuthRequest) -> dict[str, str]:
    return {"subject": request.user.subject, "kind": request.user.kind}


@get("/account", guards=[has_scope("account")])
async def account(request: AuthRequest) -> str:
    return request.user.subject


@post("/write", guards=[requires("projects:write")], status_code=200)
async def write(request: AuthRequest) -> str:
    return request.user.subject


@post("/rotate", status_code=200)
async def rotate(request: AuthRequest) -> str:
    issued = await request.auth.rotate(authenticated=True)
    return issued.session.id


@post("/careful", guards=[fresh(300)], status_code=200)
async def careful(request: AuthRequest) -> str:
    return request.user.subject


@get("/csrf")
async def token(request: AuthRequest) -> str:
    return await request.auth.csrf_token()


@post("/hook", status_code=200, opt={CSRF_EXEMPT: True})
async def hook() -> str:
    return "signed by itself"


@get("/maybe")
async def maybe(request: AuthRequest) -> str:
    identity = await request.auth.identity()
    return identity.subject if identity else "nobody"


@websocket("/socket", guards=[signed_in])
async def socket(socket: WebSocket[Identity, object, State]) -> None:
    await socket.accept()
    await socket.send_text(socket.user.subject)
    await socket.close()


@get("/public", cache_control=None)
async def public() -> str:
    return "for all"


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=site.app)  # type: ignore[arg-type]  # ASGI, in Litestar's own words
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=BROWSER) as client:
        yield client


def cookie(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"].split(";")[0].partition("=")[2]


async def test_the_cookie_of_a_login_and_nothing_else_has_the_token(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/login/ann")

    token = cookie(answer)
    assert answer.headers.get_list("set-cookie") == [f"__Host-session={token}; {SET}"]
    assert len(token) == 43
    assert token not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "Cookie" in answer.headers.get_list("vary")
    assert (await browser.get("/me")).json() == {"subject": "ann", "kind": "session"}


async def test_what_depends_on_the_session_is_not_stored_and_what_does_not_is_untouched(
    browser: httpx.AsyncClient,
) -> None:
    await browser.post("/login/ann")
    for path in ("/me", "/maybe", "/csrf"):
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert answer.headers.get_list("cache-control") == ["no-store"]
        assert "Cookie" in answer.headers.get_list("vary")
        assert "set-cookie" not in answer.headers
    answer = await browser.get("/public")
    assert not {"vary", "set-cookie"} & set(answer.headers)


async def test_nobody_is_challenged(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/me")

    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == ['Session realm="shop"', 'Bearer realm="shop"']
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_signed_in"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert (await browser.get("/maybe")).text == "nobody"


@pytest.mark.parametrize("value", ["A" * 43, "malformed", "", '"quoted"'])
async def test_a_dead_cookie_is_cleared(browser: httpx.AsyncClient, value: str) -> None:
    answer = await browser.get("/me", headers={"Cookie": f"__Host-session={value}"})

    assert answer.status_code == 401
    assert answer.headers.get_list("set-cookie") == [CLEARED]


async def test_a_dead_cookie_is_replaced_and_not_cleared_at_a_login(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/login/ann", headers={"Cookie": f"__Host-session={'A' * 43}"})

    assert len(answer.headers.get_list("set-cookie")) == 1
    assert cookie(answer) not in ("", "A" * 43)


async def test_of_two_cookies_the_first_live_one_counts(browser: httpx.AsyncClient) -> None:
    tokens = {}
    for name in ("ann", "acme"):
        tokens[name] = cookie(await browser.post(f"/login/{name}"))
        browser.cookies.clear()
    pairs = [f"__Host-session={one}" for one in ("A" * 43, tokens["acme"], tokens["ann"])]

    for header in ([("Cookie", "; ".join(["x=y", *pairs]))], [("Cookie", pair) for pair in pairs]):
        answer = await browser.get("/me", headers=[*BROWSER.items(), *header])
        assert answer.json()["subject"] == "acme"
        assert "set-cookie" not in answer.headers


async def test_a_refused_or_failed_login_sets_no_cookie(browser: httpx.AsyncClient) -> None:
    refused, failed = await browser.post("/refuse"), await browser.post("/fail")

    assert (refused.status_code, failed.status_code) == (401, 503)
    assert "www-authenticate" in refused.headers
    assert "set-cookie" not in refused.headers
    assert "set-cookie" not in failed.headers


async def test_a_store_that_is_away_is_a_503_that_leaves_the_cookie_alone(
    site: Site, browser: httpx.AsyncClient
) -> None:
    await browser.post("/login/ann")
    site.is_down = True
    answer = await browser.get("/me")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "store_unavailable"
    assert "set-cookie" not in answer.headers
    site.is_down = False
    assert (await browser.get("/me")).status_code == 200


async def test_a_503_does_not_clear_a_dead_cookie_either(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/busy", headers={"Cookie": f"__Host-session={'A' * 43}"})

    assert answer.status_code == 503
    assert "set-cookie" not in answer.headers


async def test_a_logout_ends_the_session_clears_the_cookie_and_the_sites_data(
    browser: httpx.AsyncClient,
) -> None:
    token = cookie(await browser.post("/login/ann"))
    answer = await browser.post("/logout")

    assert answer.status_code == 204
    assert answer.headers.get_list("set-cookie") == [CLEARED]
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert answer.headers["cache-control"] == "no-store"
    again = await browser.get("/me", headers={"Cookie": f"__Host-session={token}"})
    assert again.status_code == 401
    assert (await browser.post("/logout")).status_code == 204


async def test_a_logout_ends_every_session_that_was_presented(site: Site, browser: httpx.AsyncClient) -> None:
    issued = [await site.sessions.create(name) for name in ("ann", "acme")]
    pairs = "; ".join(f"__Host-session={one.token}" for one in issued)
    await browser.post("/logout", headers={"Cookie": pairs})

    assert await site.sessions.load(*(one.token for one in issued)) is None


async def test_a_rotation_sets_the_new_cookie_and_the_old_is_dead(browser: httpx.AsyncClient) -> None:
    old = cookie(await browser.post("/login/ann"))
    answer = await browser.post("/rotate")

    assert answer.headers["set-cookie"] == f"__Host-session={cookie(answer)}; {SET}"
    assert cookie(answer) != old
    assert (await browser.get("/me")).status_code == 200
    assert (await browser.get("/me", headers={"Cookie": f"__Host-session={old}"})).status_code == 401
    browser.cookies.clear()
    assert (await browser.post("/rotate")).status_code == 401


async def test_a_login_that_is_old_must_show_the_password_again(
    site: Site, browser: httpx.AsyncClient
) -> None:
    await browser.post("/login/ann")
    assert (await browser.post("/careful")).status_code == 200
    site.now += 300
    answer = await browser.post("/careful")

    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
    assert "www-authenticate" not in answer.headers
    await browser.post("/rotate")
    assert (await browser.post("/careful")).status_code == 200
    bearer = {"Authorization": f"Bearer {site.tokens.issue('ann', 's')}"}
    assert (await browser.post("/careful", headers=bearer)).status_code == 403


async def test_a_role_that_was_taken_away_is_missing_at_the_next_request(
    site: Site, browser: httpx.AsyncClient
) -> None:
    await browser.post("/login/ann")
    assert (await browser.post("/write")).status_code == 200
    site.roles["ann"] = []
    answer = await browser.post("/write")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "www-authenticate" not in answer.headers
    del site.roles["ann"]
    assert (await browser.post("/write")).status_code == 401


async def test_an_access_token_is_let_in_while_its_session_lives(
    site: Site, browser: httpx.AsyncClient
) -> None:
    bearer = {"Authorization": f"bearer {site.tokens.issue('ann', 'session-1')}"}
    answer = await browser.get("/me", headers=bearer)
    assert answer.json() == {"subject": "ann", "kind": "access_token"}
    assert set(answer.headers.get_list("vary")) == {"Cookie", "Authorization"}

    site.ended.add("session-1")
    answer = await browser.get("/me", headers=bearer)
    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == ['Bearer realm="shop", error="invalid_token"']


async def test_an_api_key_is_let_in_as_far_as_its_scopes_reach(
    site: Site, browser: httpx.AsyncClient
) -> None:
    wide = (await site.keys.issue("acme", "wide", ["projects"])).key
    narrow = (await site.keys.issue("acme", "narrow", ["jobs"])).key

    allowed = await browser.post("/write", headers={"Authorization": f"Bearer {wide}"})
    refused = await browser.post("/write", headers={"Authorization": f"Bearer {narrow}"})
    assert (allowed.status_code, allowed.text) == (200, "acme")
    assert refused.status_code == 403
    assert refused.headers.get_list("www-authenticate") == [
        'Bearer realm="shop", error="insufficient_scope", scope="projects:write"'
    ]
    assert refused.json()["code"] == "insufficient_scope"


async def test_scopes_alone_are_asked_where_roles_are_looked_up_elsewhere(
    site: Site, browser: httpx.AsyncClient
) -> None:
    wide = (await site.keys.issue("acme", "wide", ["account", "jobs"])).key
    narrow = (await site.keys.issue("acme", "narrow", ["accounts", "projects"])).key

    for credential in (site.tokens.issue("acme", "session-1"), wide):
        allowed = await browser.get("/account", headers={"Authorization": f"Bearer {credential}"})
        assert (allowed.status_code, allowed.text) == (200, "acme")
    refused = await browser.get("/account", headers={"Authorization": f"Bearer {narrow}"})
    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == (
        'Bearer realm="shop", error="insufficient_scope", scope="account"'
    )
    assert (await browser.get("/account")).status_code == 401


@pytest.mark.parametrize(
    "value", ["Bearer x", "Bearer ", "Bearer", "bearer  y z", "Bearer cap_live_" + "0" * 49]
)
async def test_a_bad_bearer_is_not_made_good_by_a_cookie(browser: httpx.AsyncClient, value: str) -> None:
    await browser.post("/login/ann")
    answer = await browser.get("/me", headers={"Authorization": value})

    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == ['Bearer realm="shop", error="invalid_token"']
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("value", ["Basic YTpi", "Negotiate YII", "cap_live_x", ""])
async def test_what_browsers_send_by_themselves_is_neither_a_credential_nor_a_proof(
    site: Site, browser: httpx.AsyncClient, value: str
) -> None:
    await browser.post("/login/ann")
    own = {"Authorization": value}
    foreign = own | {"Sec-Fetch-Site": "cross-site"}

    assert (await browser.get("/me", headers=own)).json()["kind"] == "session"
    assert (await browser.post("/logout", headers=foreign)).status_code == 403
    assert len(await site.sessions.list("ann")) == 1


async def test_two_authorization_headers_are_none(site: Site, browser: httpx.AsyncClient) -> None:
    bearer = ("Authorization", f"Bearer {site.tokens.issue('ann', 's')}")
    assert (await browser.get("/me", headers=[bearer, bearer])).status_code == 401


@pytest.mark.parametrize("path", ["/login/ann", "/logout", "/write", "/rotate"])
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": ORIGIN}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://evil.example", "Host": "evil.example"}, False),
        ({}, False),
        ({"X-CSRF-Token": "x"}, False),
        ({"Origin": ORIGIN}, True),
        ({"Sec-Fetch-Site": "none"}, True),
    ],
)
async def test_what_another_site_may_have_sent_does_nothing(
    site: Site, browser: httpx.AsyncClient, path: str, headers: dict[str, str], allowed: bool
) -> None:
    issued = await site.sessions.create("ann")
    browser.headers = httpx.Headers()
    answer = await browser.post(path, headers=headers | {"Cookie": f"__Host-session={issued.token}"})

    if allowed:
        assert answer.status_code < 300
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        assert [one.id for one in await site.sessions.list("ann")] == [issued.session.id]


async def test_a_client_that_is_no_browser_sends_the_sessions_token(browser: httpx.AsyncClient) -> None:
    await browser.post("/login/ann")
    own = (await browser.get("/csrf")).text
    browser.headers = httpx.Headers()

    assert (await browser.post("/write", headers={"X-CSRF-Token": own})).status_code == 200
    browser.cookies.clear()
    await browser.post("/login/acme", headers=BROWSER)
    assert (await browser.post("/write", headers={"X-CSRF-Token": own})).status_code == 403
    browser.cookies.clear()
    assert (await browser.post("/login/ann", headers={"X-CSRF-Token": own})).status_code == 403
    assert (await browser.get("/csrf")).status_code == 401


async def test_who_sends_a_bearer_is_no_other_site(site: Site, browser: httpx.AsyncClient) -> None:
    browser.headers = httpx.Headers({"Authorization": f"Bearer {site.tokens.issue('ann', 's')}"})
    assert (await browser.post("/write")).status_code == 200


async def test_a_route_may_be_exempt(browser: httpx.AsyncClient) -> None:
    browser.headers = httpx.Headers()
    assert (await browser.post("/hook")).text == "signed by itself"


async def connect(site: Site, headers: dict[str, str]) -> list[str]:
    """Open a web socket, and return what is sent there."""
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "asgi": {"version": "3.0"}, "path": "/socket", "raw_path": b"/socket"}
    scope |= {"query_string": b"", "headers": lines, "subprotocols": [], "scheme": "wss", "extensions": {}}
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message.get("text") or message["type"])

    await site.app(scope, receive, send)  # type: ignore[arg-type]  # ASGI, in Litestar's own words
    return sent


async def test_a_web_socket_is_for_pages_of_the_site_alone(site: Site) -> None:
    """A browser asks nobody before it opens one to another site, and sends the cookie along."""
    token = (await site.sessions.create("ann")).token
    cookie = {"Cookie": f"__Host-session={token}"}

    assert await connect(site, cookie | {"Origin": ORIGIN}) == ["websocket.accept", "ann", "websocket.close"]
    assert await connect(site, cookie | {"Origin": "https://evil.example"}) == ["websocket.close"]
    assert await connect(site, cookie) == ["websocket.close"]
    assert await connect(site, {"Origin": ORIGIN}) == ["websocket.close"]


async def test_a_realm_stays_within_its_quotes(site: Site) -> None:
    with pytest.raises(ValueError, match="quotes"):
        AuthConfig(site.config.roles, site.roles_of, site.sessions, site.config.csrf, realm='a"b')
