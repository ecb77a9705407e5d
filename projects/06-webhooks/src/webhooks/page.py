"""The page for people: the live inbox, its failures and their causes. All that it knows it asks of the API.

So it is served to everybody, and shows nothing until somebody has typed the operator's token into it.
"""

from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from service_kit.page_headers import PAGE_HEADERS

_STATIC: Final = "static"


def add_page(app: FastAPI) -> None:
    """Add the page and its files."""
    html = (files("webhooks") / _STATIC / "page.html").read_text()
    app.mount(f"/{_STATIC}", StaticFiles(packages=[("webhooks", _STATIC)]))

    @app.get("/", include_in_schema=False)
    async def show() -> HTMLResponse:
        return HTMLResponse(html, headers=dict(PAGE_HEADERS))
