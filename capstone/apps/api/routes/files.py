"""Files over HTTP: announced and shown at the API, sent and fetched by links that are signed."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote
from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, Parameter
from litestar.response import Stream

from apps.api.access import Allowed, needs
from apps.api.answers import AnnouncedFileAnswer, FileAnswer, FilesAnswer, FileWithLink
from apps.api.origins import AT_FILES_ORIGIN
from apps.api.pages import Limit, page_of
from apps.api.reads import Reads
from apps.api.schemas import NewFile
from auth.litestar import AuthRequest
from core.files.domain import File
from core.files.links import Claims
from core.files.service import FileService
from core.tenancy.domain import Permission
from service_kit.incoming import RECEIVE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

Files = NamedDependency[FileService]
Expires = Annotated[int, Parameter(ge=0, le=2**53)]
Signature = Annotated[str, Parameter(max_length=64)]
UPLOADS: Final = "/uploads/{tenant_id:uuid}/{file_id:uuid}"
BYTES: Final = ResponseSpec(data_container=None, description="The bytes, whatever they are")
SAFE: Final = {
    # Whoever opens it runs nothing of it, and it is no part of any page of ours.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cross-origin-resource-policy": "same-site",
}


def file_answer(file: File) -> FileAnswer:
    return FileAnswer.model_validate(file, from_attributes=True)


async def body_of(receive: "Callable[[], Awaitable[Mapping[str, object]]]") -> AsyncIterator[bytes]:
    """Hand on what comes, whatever its header says that it is."""
    more = True
    while more:
        message = await receive()
        chunk = message.get("body", b"")
        yield chunk if isinstance(chunk, bytes) else b""
        more = message["type"] == "http.request" and bool(message.get("more_body"))


@post("/files", opt=needs(Permission.CHANGE_FILES))
async def announce(access: Allowed, data: JSONBody[NewFile], files: Files) -> AnnouncedFileAnswer:
    """Announce a file, and get the link by which it comes."""
    file, link = await files.announce(access, data.name, data.size_bytes)
    return AnnouncedFileAnswer(id=file.id, name=file.name, size_bytes=file.size_bytes, upload_url=link)


@put(UPLOADS, status_code=200)
async def upload(
    request: AuthRequest,
    tenant_id: FromPath[UUID],
    file_id: FromPath[UUID],
    expires: FromQuery[Expires],
    signature: FromQuery[Signature],
    files: Files,
) -> FileAnswer:
    """Send a file's bytes by a link: no more is read than was announced."""
    length = request.headers.get("content-length")
    body = body_of(request.scope[RECEIVE])  # type: ignore[literal-required]  # a key of the plumbing's
    claims = Claims(tenant_id, file_id, expires, signature)
    return file_answer(await files.upload(claims, None if length is None else int(length), body))


@get("/files", opt=needs(Permission.READ_FILES))
async def listing(
    access: Allowed,
    files: Files,
    reads: Reads,
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> FilesAnswer:
    """List files, the newest first."""
    await reads.spend(access, limit)
    found = await files.page(access, cursor, limit)
    shown, next_cursor = page_of(found, limit, lambda one: one.id)
    return FilesAnswer(items=[file_answer(one) for one in shown], next_cursor=next_cursor)


@get("/files/{file_id:uuid}", opt=needs(Permission.READ_FILES))
async def show(access: Allowed, file_id: FromPath[UUID], files: Files, reads: Reads) -> FileWithLink:
    """Show a file, and the link that leads to its bytes."""
    await reads.spend(access)
    file, link = await files.find(access, file_id)
    return FileWithLink(**file_answer(file).model_dump(), download_url=link)


@delete("/files/{file_id:uuid}", opt=needs(Permission.CHANGE_FILES))
async def remove(access: Allowed, file_id: FromPath[UUID], files: Files) -> None:
    """Delete a file: its links end."""
    await files.delete(access, file_id)


@get("/downloads/{tenant_id:uuid}/{file_id:uuid}", opt=AT_FILES_ORIGIN, responses={200: BYTES})
async def download(
    tenant_id: FromPath[UUID],
    file_id: FromPath[UUID],
    expires: FromQuery[Expires],
    signature: FromQuery[Signature],
    files: Files,
) -> Stream:
    """Fetch a file's bytes by a link, from the origin of files."""
    file, chunks = await files.download(Claims(tenant_id, file_id, expires, signature))
    headers = {
        **SAFE,
        "content-type": str(file.type),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "content-length": str(file.size_bytes),
        "etag": f'"{file.sha256}"',
    }
    return Stream(chunks, headers=headers)


ROUTES = [upload, download]
OF_ONE = [announce, listing, show, remove]
