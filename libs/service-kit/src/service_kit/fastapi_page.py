"""A page under FastAPI."""

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response

from service_kit.page_files import PAGE, PageFile, page_files
from service_kit.page_headers import PAGE_HEADERS


def add_page(app: FastAPI, package: str) -> None:
    """Serve the page.html of the package at /, and its files beneath /static."""
    found = add_static(app, package)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return _answer(found[PAGE])


def add_static(app: FastAPI, package: str) -> dict[str, PageFile]:
    """Serve the files of the package beneath /static, for who makes the page itself, and return them."""
    found = page_files(package)

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in found:
            raise HTTPException(404)
        return _answer(found[name])

    return found


def _answer(file: PageFile) -> Response:
    return Response(file.content, media_type=file.media_type, headers=dict(PAGE_HEADERS))
