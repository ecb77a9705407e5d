"""Files as whoever uploads and fetches them meets them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from kata.steps import Client, Draw, Exchange, as_object, describe_answer, expect

from .saas import OK, Home, Json, Site, made

LINK_SECONDS = 6
"""How long a link counts, where a check waits for its end."""
KINDS: Mapping[str, bytes] = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\x0a\x0d\x00\xffWEBPVP8 ",
    "application/pdf": b"%PDF-1.7\n",
    "application/zip": b"PK\x03\x04",
    "text/plain; charset=utf-8": "<!doctype html><script>alert('漢字')</script> ".encode(),
}


def content_of(draw: Draw, media_type: str, size_bytes: int = 0) -> bytes:
    """Write bytes of a type, in which something stands that is nowhere else."""
    head = KINDS[media_type] + str(draw.uuid()).encode()
    filler = b"a" if media_type.startswith("text/") else b"\x00"
    return head + filler * (size_bytes - len(head))


@dataclass(frozen=True)
class Upload:
    """A file that was announced, and the link by which it comes."""

    home: Home
    id: str
    link: str

    @property
    def path(self) -> str:
        return path_of(self.link)

    def put(self, client: Client, content: bytes, headers: Mapping[str, str] | None = None) -> Exchange:
        return client.request("PUT", self.path, headers=headers, body=content)

    def show(self, home: Home | None = None) -> Exchange:
        at = home or self.home
        return at.http.get(f"{at.path}/files/{self.id}")


def path_of(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def announced(home: Home, name: str, size_bytes: int) -> Upload:
    body = {"name": name, "size_bytes": size_bytes}
    shown = made(home.http.request("POST", f"{home.path}/files", json=body))
    return Upload(home, str(shown["id"]), str(shown["upload_url"]))


def stored(home: Home, content: bytes) -> Upload:
    """Upload a file as the same client would, without its token."""
    began = time.monotonic()
    file = announced(home, "file", len(content))
    answer = file.put(home.http, content)
    is_late = time.monotonic() > began + LINK_SECONDS - 1
    expect(answer.status == OK, expected="200 for an upload", got=describe_answer(answer), timing=is_late)
    return file


def shown_of(answer: Exchange) -> Json:
    expect(
        answer.status == OK, expected="200 for a file", got=f"{describe_answer(answer)} {answer.text[:200]}"
    )
    return as_object(answer)


def fetched(site: Site, link: str, host: str | None = None, *, process: int = 0) -> Exchange:
    """Follow a link to the bytes of a file, at the origin that it names or at another host."""
    named = {"Host": host or urlsplit(link).netloc}
    return site.service.client(named, process=process).get(path_of(link))


def traces_of(site: Site, content: bytes) -> list[str]:
    """Name what lies in the folder of files and has what stands in this content alone."""
    mark = content[:60][-36:]
    found = []
    for path in site.service.data_folder.rglob("*"):
        try:
            if path.is_file() and mark in path.read_bytes():
                found.append(path.name)
        except FileNotFoundError:
            continue
    return found
