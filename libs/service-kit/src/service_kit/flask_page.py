"""A page under Flask."""

from flask import Flask, Response, abort

from service_kit.page_files import PAGE, PageFile, page_files
from service_kit.page_headers import PAGE_HEADERS


def add_page(app: Flask, package: str) -> None:
    """Serve the files of the package beneath /static, and its page.html at /.

    The application is made with `static_folder=None`: Flask's own files would stand in the way.
    """
    found = page_files(package)

    @app.get("/")
    def page() -> Response:
        return _answer(found[PAGE])

    @app.get("/static/<name>")
    def static(name: str) -> Response:
        if name not in found:
            abort(404)
        return _answer(found[name])


def _answer(file: PageFile) -> Response:
    return Response(file.content, mimetype=file.media_type, headers=dict(PAGE_HEADERS))
