"""A page and the files beside it, from `static` in a service's package and in this one.

base.css and base.js are what all pages share; a page names a file as /static/base.css.
"""

from importlib.resources import files
from pathlib import PurePath
from typing import Final, NamedTuple

PAGE: Final = "page.html"
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class PageFile(NamedTuple):
    """What is served of a file."""

    content: bytes
    media_type: str


def page_files(package: str) -> dict[str, PageFile]:
    """Return the files by their names. Raises: KeyError for one whose type is not known."""
    return {
        file.name: PageFile(file.read_bytes(), _TYPES[PurePath(file.name).suffix])
        for owner in (__package__, package)
        for file in files(owner).joinpath("static").iterdir()
    }
