"""The page for people: a schema and data to paste, and each mistake in its place. The rest is page.js."""

from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from service_kit.page_headers import PAGE_HEADERS

_STATIC: Final = "static"


def add_page(app: FastAPI) -> None:
    """Add the page and its files."""
    html = (files("validation") / _STATIC / "page.html").read_text()
    app.mount(f"/{_STATIC}", StaticFiles(packages=[("validation", _STATIC)]))

    @app.get("/", include_in_schema=False)
    async def show() -> HTMLResponse:
        return HTMLResponse(html, headers=dict(PAGE_HEADERS))
