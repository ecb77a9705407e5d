"""A page under Litestar."""

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from service_kit.page_files import PAGE, PageFile, page_files
from service_kit.page_headers import PAGE_HEADERS


def page_of(package: str) -> list[HTTPRouteHandler]:
    """Return the handlers that serve the files of the package beneath /static, and its page.html at /."""
    found = page_files(package)

    @get("/", include_in_schema=False, sync_to_thread=False)
    def page() -> Response[bytes]:
        return _answer(found[PAGE])

    @get("/static/{name:str}", include_in_schema=False, sync_to_thread=False)
    def static(name: FromPath[str]) -> Response[bytes]:
        if name not in found:
            raise NotFoundException
        return _answer(found[name])

    return [page, static]


def _answer(file: PageFile) -> Response[bytes]:
    return Response(file.content, media_type=file.media_type, headers=dict(PAGE_HEADERS))
