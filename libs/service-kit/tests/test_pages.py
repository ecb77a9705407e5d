"""A page and its files, in all three frameworks."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from flask import Flask
from litestar import Litestar

from service_kit.fastapi_page import add_page as add_fastapi_page
from service_kit.flask_page import add_page as add_flask_page
from service_kit.litestar_page import page_of
from service_kit.page_files import page_files
from service_kit.page_headers import PAGE_HEADERS

type Get = Callable[[str], httpx.Response]

PACKAGE = "tea_shop"
PAGE = b"<!doctype html><title>tea</title>"


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with a page, and with a style sheet of its own."""
    static = tmp_path / PACKAGE / "static"
    static.mkdir(parents=True)
    (static.parent / "__init__.py").touch()
    (static / "page.html").write_bytes(PAGE)
    (static / "page.css").write_bytes(b"main { color: green; }")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)


def get_by_asgi(app: object) -> Get:
    async def ask(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # ASGI, in each framework's own words
        async with httpx.AsyncClient(transport=transport, base_url="http://tea.test") as client:
            return await client.get(path)

    return lambda path: asyncio.run(ask(path))


def fastapi() -> Get:
    app = FastAPI()
    add_fastapi_page(app, PACKAGE)
    return get_by_asgi(app)


def litestar() -> Get:
    return get_by_asgi(Litestar(page_of(PACKAGE)))


def flask() -> Get:
    app = Flask("tea", static_folder=None)
    add_flask_page(app, PACKAGE)
    return httpx.Client(transport=httpx.WSGITransport(app), base_url="http://tea.test").get


@pytest.fixture(params=[fastapi, flask, litestar])
def get(request: pytest.FixtureRequest) -> Get:
    made: Get = request.param()
    return made


def test_the_page_and_its_files_have_their_types_and_the_headers_of_a_page(get: Get) -> None:
    served = {
        "/": ("text/html; charset=utf-8", PAGE),
        "/static/page.css": ("text/css; charset=utf-8", b"main { color: green; }"),
        "/static/base.css": ("text/css; charset=utf-8", page_files(PACKAGE)["base.css"].content),
        "/static/base.js": ("text/javascript; charset=utf-8", page_files(PACKAGE)["base.js"].content),
    }
    for path, (media_type, expected) in served.items():
        answer = get(path)
        assert answer.status_code == 200, path
        assert (answer.content, answer.headers["content-type"]) == (expected, media_type), path
        assert PAGE_HEADERS.items() <= dict(answer.headers).items(), path


@pytest.mark.parametrize("name", ["other.css", "..%2f__init__.py", "__init__.py", "%2fetc%2fpasswd", ""])
def test_nothing_else_is_served(get: Get, name: str) -> None:
    assert get(f"/static/{name}").status_code == 404


def test_a_file_of_an_unknown_type_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / PACKAGE / "static" / "notes.xyz").touch()
    with pytest.raises(KeyError, match="xyz"):
        page_files(PACKAGE)
