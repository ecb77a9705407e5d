"""The README's examples are run as they stand."""

import ast
import re
import subprocess
import sys
from collections.abc import Awaitable  # noqa: TC003 - one line for both
from inspect import isawaitable
from pathlib import Path
from types import CodeType, FunctionType

import httpx
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncEngine

import auth
from auth import IssuedRefreshToken, PostgresRefreshTokenStore, RefreshPolicy, RefreshTokens

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def examples(heading: str) -> list[str]:
    """Return the Python under a heading."""
    return re.findall(r"```python\n(.*?)```", section(heading), re.DOTALL)


@pytest.mark.parametrize("heading", ["Passwords", "Sessions", "Access and refresh tokens", "API keys"])
def test_it_prints_what_is_said(heading: str) -> None:
    (said,) = re.findall(r"It prints:\n\n```\n(.*?)```", section(heading), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", examples(heading)[0]], capture_output=True, text=True, check=False
    )

    assert done.stdout == said, done.stderr


@pytest.mark.anyio
async def test_a_refresh_in_a_transaction(engine: AsyncEngine) -> None:
    policy = RefreshPolicy([b"k" * 32])
    async with engine.begin() as connection:
        issued = await RefreshTokens(PostgresRefreshTokenStore(connection), policy).issue("ann")
    names: dict[str, object] = {"engine": engine, "policy": policy, "presented": issued.token, **vars(auth)}
    names |= {name: getattr(auth, name) for name in auth.__all__}
    code: CodeType = compile(
        examples("Access and refresh tokens")[1], "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    )
    running: Awaitable[object] | None = FunctionType(code, names)()
    assert isawaitable(running)
    await running

    successor = names["successor"]
    assert isinstance(successor, IssuedRefreshToken)
    assert successor.family.id == issued.family.id


@pytest.mark.anyio
async def test_an_application(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    names: dict[str, object] = {"__name__": "site"}
    exec(compile(examples("In Litestar")[0], "README.md", "exec"), names)
    app = names["app"]
    assert isinstance(app, Litestar)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # ASGI, in Litestar's own words

    browser = httpx.AsyncClient(
        transport=transport, base_url="https://shop.example", headers={"Origin": "https://shop.example"}
    )
    async with app.lifespan(), browser:
        assert (await browser.get("/me")).status_code == 401
        for name, may_write in (("ann", 201), ("bob", 403)):
            assert (await browser.post("/session", json={"name": name})).status_code == 204
            assert (await browser.get("/me")).json() == {"subject": name}
            assert (await browser.post("/notes")).status_code == may_write
            assert (await browser.post("/account/closure")).status_code == 201
        assert (await browser.delete("/session")).status_code == 204
        assert (await browser.get("/me")).status_code == 401


def test_every_name_that_the_readme_takes_from_the_library_is_public() -> None:
    taken = re.findall(r"^from auth import (.*)$", README, re.MULTILINE)
    names = {name.strip() for line in taken for name in line.split(",")}

    assert names
    assert names <= set(auth.__all__)


WITHOUT_EXTRAS = """
import sys
for name in ("redis", "hiredis", "sqlalchemy", "psycopg", "jwt", "bcrypt", "litestar"):
    sys.modules[name] = None
import auth
missing = []
for name in auth.__all__:
    try:
        getattr(auth, name)
    except ImportError:
        missing.append(name)
print(*sorted(missing))
"""


def test_only_what_needs_an_extra_is_missing_without_it() -> None:
    output = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS], check=True, capture_output=True, text=True
    )

    assert output.stdout.split() == [
        "AccessClaims",
        "AccessTokens",
        "PostgresApiKeyStore",
        "PostgresRefreshTokenStore",
        "RedisSessionStore",
        "metadata",
    ]


def test_every_public_name_exists() -> None:
    assert [name for name in auth.__all__ if not hasattr(auth, name)] == []
    assert sorted(auth.__all__) == sorted(set(auth.__all__))
    with pytest.raises(AttributeError):
        _ = auth.__getattr__("Nothing")
