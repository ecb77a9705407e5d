"""The page for people: flags, a rollout that shows who would change, the kill switch, the audit.

All that it knows it asks of the API. So it is served to everybody, and shows nothing until somebody has typed
an administrator's token into it.
"""

from importlib.resources import files
from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from flags.errors import NotFoundError
from service_kit.page_headers import PAGE_HEADERS

TYPES: Final = {
    "page.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def file(name: str) -> Response[bytes]:
    content = files("flags").joinpath("static", name).read_bytes()
    return Response(content, media_type=TYPES[name], headers=dict(PAGE_HEADERS))


@get("/", include_in_schema=False, sync_to_thread=False)
def page() -> Response[bytes]:
    return file("page.html")


@get("/static/{name:str}", include_in_schema=False, sync_to_thread=False)
def part(name: FromPath[str]) -> Response[bytes]:
    if name not in TYPES:
        raise NotFoundError("file")
    return file(name)


PAGE: Final = [page, part]
