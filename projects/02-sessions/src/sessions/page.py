"""The page for people: sign in, and see and end one's sessions. All that it knows it asks of the API."""

from importlib.resources import files
from typing import Final

from litestar import MediaType, Response, get

from service_kit.page_headers import PAGE_HEADERS

TYPES: Final = {"page.html": MediaType.HTML, "page.css": MediaType.CSS, "page.js": "text/javascript"}


def file(name: str) -> Response[bytes]:
    content = files("sessions").joinpath("static", name).read_bytes()
    return Response(content, media_type=f"{TYPES[name]}; charset=utf-8", headers=dict(PAGE_HEADERS))


@get("/", include_in_schema=False, sync_to_thread=False)
def page() -> Response[bytes]:
    return file("page.html")


@get("/static/page.css", include_in_schema=False, sync_to_thread=False)
def style() -> Response[bytes]:
    return file("page.css")


@get("/static/page.js", include_in_schema=False, sync_to_thread=False)
def script() -> Response[bytes]:
    return file("page.js")


PAGE: Final = [page, style, script]
