"""The whole service in this process, once through each of its routes; the features say more."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psycopg
import pytest
from redis import Redis
from starlette.types import ASGIApp

from kata.servers.databases import swallowing
from kata.servers.mail import MailServer
from service_kit.migrations import migrate
from sessions.app import create_app
from sessions.errors import StoreUnavailableError
from sessions.redis_scripts import RedisScripts
from sessions.settings import Settings

MIGRATIONS = Path(__file__).parents[1] / "migrations"
ORIGIN = "https://app.example"
PASSWORD = "correct horse battery"
PATIENCE_SECONDS = 20.0


class Api:
    """A running application, asked from a test."""

    def __init__(self, app: ASGIApp, mail: MailServer) -> None:
        self.mail = mail
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._stop = asyncio.Event()
        self._started = threading.Event()

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._live(), self._loop)
        assert self._started.wait(PATIENCE_SECONDS)

    async def _live(self) -> None:
        """Be the server that starts an ASGI application and stops it."""
        told: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        said: asyncio.Queue[object] = asyncio.Queue()
        await told.put({"type": "lifespan.startup"})
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
        running = asyncio.ensure_future(self._app(scope, told.get, said.put))
        await said.get()
        self._started.set()
        await self._stop.wait()
        await told.put({"type": "lifespan.shutdown"})
        await running

    def wait_for[T](self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    def ask(
        self, method: str, path: str, body: object = None, *, cookie: str | None = None, **headers: str
    ) -> httpx.Response:
        sent = {"Origin": ORIGIN, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if cookie is not None:
            sent["Cookie"] = f"__Host-session={cookie}"

        async def send() -> httpx.Response:
            async with AsyncExitStack() as stack:
                transport = httpx.ASGITransport(app=self._app)
                client = await stack.enter_async_context(
                    httpx.AsyncClient(transport=transport, base_url="http://app")
                )
                return await client.request(method, f"/api/v1{path}", json=body, headers=sent)

        return self.wait_for(send())

    def account(self, email: str = "ann@example.org", password: str = PASSWORD) -> None:
        count = len(self.mail.received(email))
        assert self.ask("POST", "/registrations", {"email": email}).status_code == 202
        token = token_in(self.mail.wait_for(email, count + 1, PATIENCE_SECONDS)[-1].text)
        made = self.ask("POST", "/accounts", {"token": token, "password": password})
        assert made.status_code == 201, made.text

    def sign_in(self, email: str = "ann@example.org", password: str = PASSWORD) -> str:
        answer = self.ask("POST", "/session", {"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return secret_in(answer)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        for _ in range(200):
            if not asyncio.all_tasks(self._loop):
                break
            threading.Event().wait(0.05)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def token_in(text: str) -> str:
    found = re.search(r"token=([A-Za-z0-9_-]+)", text)
    assert found
    return found[1]


def secret_in(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(postgres_url: str, redis_url: str, mail: MailServer) -> Settings:
    migrate(postgres_url, MIGRATIONS)
    return Settings.model_validate(
        {
            "port": 8000,
            "database_url": postgres_url,
            "redis_url": redis_url,
            "smtp_url": mail.url,
            "public_origin": ORIGIN,
            "admin_emails": "root@example.org",
            "argon2_memory_kib": 1024,
            "argon2_passes": 1,
            "login_failures": 3,
            "max_sessions": 3,
        }
    )


@pytest.fixture
def api(settings: Settings, mail: MailServer) -> Iterator[Api]:
    running = Api(create_app(settings), mail)
    running.start()
    yield running
    running.stop()


def test_an_account_is_made_by_mail_and_signs_in_and_out(api: Api) -> None:
    api.account()
    secret = api.sign_in("ANN@example.org")
    assert api.ask("GET", "/me", cookie=secret).json()["email"] == "ann@example.org"
    out = api.ask("DELETE", "/session", cookie=secret)
    assert (out.status_code, out.headers["clear-site-data"]) == (204, '"cache", "storage"')
    again = api.ask("GET", "/me", cookie=secret)
    assert (again.status_code, secret_in(again)) == (401, "")


def test_who_has_an_account_gets_no_token(api: Api) -> None:
    api.account()
    api.ask("POST", "/registrations", {"email": "Ann@example.org"})
    mails = api.mail.wait_for("ann@example.org", 2, 20)
    assert "token=" not in mails[1].text


def test_a_change_of_the_password_ends_the_other_sessions(api: Api) -> None:
    api.account()
    other, mine = api.sign_in(), api.sign_in()
    change = {"new_password": "another horse battery", "current_password": PASSWORD}
    changed = api.ask("PUT", "/me/password", change, cookie=mine)
    assert changed.status_code == 204
    assert api.ask("GET", "/me", cookie=other).status_code == 401
    assert api.ask("GET", "/me", cookie=mine).status_code == 401
    assert api.ask("GET", "/me", cookie=secret_in(changed)).status_code == 200


def test_a_wrong_current_password_is_refused(api: Api) -> None:
    api.account()
    change = {"new_password": "another horse battery", "current_password": "wrong horse battery"}
    answer = api.ask("PUT", "/me/password", change, cookie=api.sign_in())
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")


def test_sessions_are_listed_and_ended_by_their_ids(api: Api) -> None:
    api.account()
    other, mine = api.sign_in(), api.sign_in()
    items = api.ask("GET", "/sessions", cookie=mine).json()["items"]
    assert [item["current"] for item in items] == [True, False]
    assert api.ask("DELETE", f"/sessions/{items[1]['id']}", cookie=mine).status_code == 204
    assert api.ask("DELETE", f"/sessions/{items[1]['id']}", cookie=mine).status_code == 404
    assert api.ask("GET", "/me", cookie=other).status_code == 401
    others = api.ask("POST", "/me/revoke-others", {}, cookie=mine)
    assert others.status_code == 204
    ended = api.ask("DELETE", f"/sessions/{items[0]['id']}", cookie=secret_in(others))
    assert secret_in(ended) == ""


def test_above_the_cap_the_least_recently_used_ends(api: Api) -> None:
    api.account()
    secrets = [api.sign_in() for _ in range(5)]
    statuses = [api.ask("GET", "/me", cookie=secret).status_code for secret in secrets]
    assert statuses == [401, 401, 200, 200, 200]


def test_guesses_lock_an_account_and_one_that_is_unknown(api: Api) -> None:
    api.account()
    for email in ("ann@example.org", "nobody@example.org"):
        body = {"email": email, "password": "wrong"}
        statuses = [api.ask("POST", "/session", body).status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]


def test_a_new_email_is_confirmed_from_its_mailbox(api: Api) -> None:
    api.account()
    secret = api.sign_in()
    assert api.ask("PUT", "/me/email", {"email": "eve@example.org"}, cookie=secret).status_code == 202
    token = token_in(api.mail.wait_for("eve@example.org", 1, 20)[0].text)
    confirmed = api.ask("POST", "/me/email/confirmation", {"token": token}, cookie=secret)
    assert confirmed.status_code == 204
    assert api.ask("GET", "/me", cookie=secret_in(confirmed)).json()["email"] == "eve@example.org"
    assert api.sign_in("eve@example.org")


def test_an_administrator_ends_sessions_and_keeps_somebody_out(api: Api) -> None:
    api.account()
    api.account("root@example.org")
    secret, chief = api.sign_in(), api.sign_in("root@example.org")
    (user,) = api.ask("GET", "/users?email=Ann@example.org", cookie=chief).json()["items"]
    assert api.ask("DELETE", f"/users/{user['id']}/sessions", cookie=chief).status_code == 204
    assert api.ask("GET", "/me", cookie=secret).status_code == 401
    disabled = api.ask("PATCH", f"/users/{user['id']}", {"disabled": True}, cookie=chief)
    assert disabled.json()["disabled"] is True
    body = {"email": "ann@example.org", "password": PASSWORD}
    assert api.ask("POST", "/session", body).status_code == 401
    enabled = api.ask("PATCH", f"/users/{user['id']}", {"disabled": False}, cookie=chief)
    assert enabled.json()["disabled"] is False
    assert api.sign_in()


def test_who_is_no_administrator_is_refused(api: Api) -> None:
    api.account()
    answer = api.ask("GET", "/users?email=ann@example.org", cookie=api.sign_in())
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_request_of_another_site_is_refused(api: Api) -> None:
    api.account()
    secret = api.sign_in()
    answer = api.ask("DELETE", "/session", cookie=secret, Sec_Fetch_Site="cross-site")
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_request")
    assert api.ask("GET", "/me", cookie=secret).status_code == 200


def test_without_a_mail_server_the_mail_waits(api: Api) -> None:
    api.mail.stop()
    assert api.ask("POST", "/registrations", {"email": "bob@example.org"}).status_code == 202
    api.mail.start()
    assert api.mail.wait_for("bob@example.org", 1, 20)


def test_the_log_names_the_client_and_not_its_proxy(
    settings: Settings, mail: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Api(create_app(settings.model_copy(update={"trusted_hops": 1})), mail)
    running.start()
    try:
        running.ask("GET", "/me", X_Forwarded_For="203.0.113.9, 192.0.2.7")
    finally:
        running.stop()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["client"] for line in lines if line["event"] == "request"] == ["192.0.2.7"]


def redis_of(settings: Settings) -> Redis:
    return Redis.from_url(str(settings.redis_url))


def names(redis: Redis, pattern: str) -> list[str]:
    return [key.decode() if isinstance(key, bytes) else key for key in redis.keys(pattern)]


FOREIGN: dict[str, Callable[[Redis, bytes | str], object]] = {
    "a text": lambda redis, key: redis.set(key, "abc"),
    "a number with a zero": lambda redis, key: redis.set(key, "05"),
    "infinity": lambda redis, key: redis.set(key, "inf"),
    "a list": lambda redis, key: redis.rpush(key, "abc"),
    "a set": lambda redis, key: redis.sadd(key, b"\xff"),
    "a hash": lambda redis, key: redis.hset(
        key, mapping={"failures": "x", "locked_until": "inf", "seen": "x", "created": "nan"}
    ),
    "a sorted set": lambda redis, key: redis.zadd(key, {b"\xff\xfe": float("inf"), b"abc": 1e300}),
    "a stream": lambda redis, key: redis.xadd(key, {"a": "b"}),
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_others_have_put_under_a_key_shuts_nobody_out(
    api: Api, settings: Settings, foreign: str
) -> None:
    api.account()
    redis = redis_of(settings)
    secret = api.sign_in()
    wrong = {"email": "ann@example.org", "password": "wrong" * 5}
    assert api.ask("POST", "/session", wrong).status_code == 401
    assert api.ask("POST", "/me/revoke-others", {}, cookie=secret).status_code in {204, 403}
    for key in [*names(redis, "*"), "failures:from:127.0.0.1"]:
        redis.delete(key)
        FOREIGN[foreign](redis, key)
    assert api.ask("GET", "/me", cookie=secret).status_code == 401
    assert api.ask("POST", "/session", wrong).status_code == 401
    secret = api.sign_in()
    assert api.ask("GET", "/me", cookie=secret).status_code == 200
    assert len(api.ask("GET", "/sessions", cookie=secret).json()["items"]) == 1


@pytest.mark.parametrize("foreign", [*FOREIGN, "nothing"])
def test_a_session_that_cannot_be_listed_is_none_for_it_could_not_be_ended(
    api: Api, settings: Settings, foreign: str
) -> None:
    api.account()
    redis = redis_of(settings)
    lost = api.sign_in()
    index = names(redis, "sessions:of:*")[0]
    redis.delete(index)
    if foreign != "nothing":
        FOREIGN[foreign](redis, index)
    secret = api.sign_in()
    assert api.ask("GET", "/me", cookie=lost).status_code == 401
    assert api.ask("GET", "/me", cookie=secret).status_code == 200


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
        ("ACL SETUSER default -eval -evalsha", "ACL SETUSER default +@all"),
        ("ACL SETUSER default resetkeys ~sessions:*", "ACL SETUSER default ~*"),
    ],
)
def test_a_redis_that_answers_and_takes_no_writes_is_not_ready(
    settings: Settings, broken: str, mended: str
) -> None:
    async def ask() -> list[bool]:
        scripts, ready = RedisScripts(str(settings.redis_url)), []
        for command in (broken, mended):
            redis_of(settings).execute_command(*command.split())  # type: ignore[no-untyped-call]  # redis-py's
            try:
                await scripts.ping()
                ready.append(True)
            except StoreUnavailableError:
                ready.append(False)
        await scripts.close()
        return ready

    assert asyncio.run(ask()) == [False, True]


def test_a_clock_that_is_set_back_shuts_nobody_out_and_lets_no_session_live_longer(
    api: Api, settings: Settings
) -> None:
    api.account()
    secret = api.sign_in()
    redis, ahead = redis_of(settings), int(1000 * (time.time() + 86400))
    session = next(key for key in names(redis, "sessions:*") if redis.type(key) == b"hash")
    redis.hset(session, mapping={"seen": ahead, "created": ahead})
    user = names(redis, "sessions:of:*")[0].removeprefix("sessions:of:")
    redis.set(f"sessions:void:{user}", ahead)
    account = names(redis, "known:*")[0].removeprefix("known:")
    counters = (f"failures:{account}", f"failures:{account}:127.0.0.1")
    for key in counters:
        redis.hset(key, mapping={"failures": 3, "locked_until": ahead})
    assert api.ask("GET", "/me", cookie=secret).status_code == 200
    assert int(redis.hget(session, "seen") or 0) < ahead > int(redis.hget(session, "created") or 0)
    refused = api.ask("POST", "/session", {"email": "ann@example.org", "password": PASSWORD})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) <= settings.longest_lock_seconds
    redis.delete(*counters)
    api.sign_in()


def test_a_row_that_nobody_here_has_written_holds_up_no_other_mail(api: Api, settings: Settings) -> None:
    with psycopg.connect(str(settings.database_url), autocommit=True) as other:
        other.execute("INSERT INTO mails (email, kind) VALUES ('a@example.org', 'postcard')")
        other.execute(r"INSERT INTO mails (email, kind) VALUES (E'a\nb@example.org', 'registration')")
    api.account("late@example.org")


def test_a_rule_that_somebody_else_has_made_is_an_outage_and_ends(api: Api, settings: Settings) -> None:
    with psycopg.connect(str(settings.database_url), autocommit=True) as other:
        other.execute("ALTER TABLE mails ADD CONSTRAINT foreign_rule CHECK (false) NOT VALID")
        refused = api.ask("POST", "/registrations", {"email": "ann@example.org"})
        other.execute("ALTER TABLE mails DROP CONSTRAINT foreign_rule")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    api.account()


def test_what_somebody_else_s_trigger_swallows_is_no_success(api: Api, settings: Settings) -> None:
    url = str(settings.database_url)
    with swallowing(url, "mails"):
        assert api.ask("POST", "/registrations", {"email": "ann@example.org"}).status_code == 503
    api.account()
    secret = api.sign_in()
    with swallowing(url, "users"):
        changed = {"new_password": "another horse battery", "current_password": PASSWORD}
        assert api.ask("PUT", "/me/password", changed, cookie=secret).status_code == 503
    api.sign_in()
