"""Steps of files.feature."""

import hashlib
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    Request,
    as_object,
    describe_answer,
    expect,
    is_problem,
    send_raw,
    wait_until,
    wait_until_ready,
)

from .saas import (
    CONFLICT,
    CREATED,
    FORBIDDEN,
    HELD_SECONDS,
    INVALID,
    JSON,
    MISSING,
    NO_CONTENT,
    OK,
    Home,
    Site,
    is_refused,
    objects,
    tables_held,
    while_nobody_writes,
)
from .uploads import (
    KINDS,
    LINK_SECONDS,
    Upload,
    announced,
    content_of,
    fetched,
    path_of,
    shown_of,
    stored,
    traces_of,
)

BAD, LENGTH_REQUIRED = 400, 411
LARGE_BYTES = 1_200_000  # more than any other body may have
SWEPT_SECONDS = 10.0
SLOW_SECONDS = 1.5
LIE = {"Content-Type": "application/json"}

scenarios("files.feature")


@dataclass(frozen=True)
class Stored:
    """A file as it was sent, and what was said of it."""

    file: Upload
    name: str
    type: str
    content: bytes
    answer: Exchange


@when(
    "files of each type are uploaded, under names and headers that say something else", target_fixture="files"
)
def files_of_each_type(site: Site, home: Home) -> list[Stored]:
    large = site.draw.choice(sorted(KINDS))
    files = []
    for media_type in site.draw.shuffle(sorted(KINDS)):
        content = content_of(site.draw, media_type, LARGE_BYTES if media_type == large else 0)
        name = f'{site.draw.word()} "é漢" /\\; x=.{site.draw.choice(["exe", "png", "html"])}'
        file = announced(home, name, len(content))
        answer = file.put(site.service.client(), content, LIE)
        files.append(Stored(file, name, media_type, content, answer))
    return files


@then("each is shown and listed by what it is, and fetched by a link, with headers that make it harmless")
def each_is_shown(site: Site, home: Home, files: list[Stored]) -> None:
    origin, files_origin = site.settings["PUBLIC_ORIGIN"], site.settings["FILES_ORIGIN"]
    for one in files:
        expect(one.file.link.startswith(f"{origin}/"), expected=f"a link at {origin}", got=one.file.link)
        shown, digest = shown_of(one.answer), hashlib.sha256(one.content).hexdigest()
        wanted = {"name": one.name, "size_bytes": len(one.content), "type": one.type, "sha256": digest}
        got = {name: shown.get(name) for name in wanted}
        expect(got == wanted, expected=str(wanted), got=got)
        found = shown_of(one.file.show())
        link = str(found.pop("download_url"))  # type: ignore[attr-defined]
        expect(found == shown, expected=str(shown), got=found)
        expect(link.startswith(f"{files_origin}/"), expected=f"a link at {files_origin}", got=link)
        answer = fetched(site, link)
        expect(answer.status == OK, expected="200 for its bytes", got=describe_answer(answer))
        expect(answer.body == one.content, expected=f"its {len(one.content)} bytes", got=len(answer.body))
        is_harmless(answer, one)
        is_problem(fetched(site, link, urlsplit(origin).netloc), MISSING)
    is_problem(site.service.client({"Host": urlsplit(files_origin).netloc}).get("/api/v1/audit/key"), MISSING)
    listed: list[object] = []
    cursor: str | None = ""
    while cursor is not None:
        page = as_object(home.http.get(f"{home.path}/files?limit=3{cursor}"))
        listed += [one.get("id") for one in objects(page.get("items"))]
        cursor = f"&cursor={page['next_cursor']}" if page.get("next_cursor") else None
    newest_first = [one.file.id for one in reversed(files)]
    expect(listed == newest_first, expected=str(newest_first), got=listed)


def is_harmless(answer: Exchange, one: Stored) -> None:
    """Demand that a browser saves it, by its name, and runs nothing of it."""
    wanted = {
        "content-type": one.type,
        "content-length": str(len(one.content)),
        "x-content-type-options": "nosniff",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(one.name, safe='')}",
        "cache-control": "no-store",
    }
    got = {name: answer.header(name) for name in wanted}
    expect(got == wanted, expected=str(wanted), got=got)
    policy = answer.header("content-security-policy") or ""
    expect("sandbox" in policy and "default-src 'none'" in policy, expected="a sandbox", got=policy)


@dataclass(frozen=True)
class Refused:
    """What was sent, and what is to come of it."""

    what: str
    answer: Exchange
    status: int


@when(
    "uploads are sent that are too long, too short, too late or of no type, and by links that were changed",
    target_fixture="refused",
)
def uploads_are_sent(site: Site, home: Home) -> tuple[list[Refused], list[Upload], Upload, bytes]:
    client, content = site.service.client(), content_of(site.draw, site.draw.choice(sorted(KINDS)))
    begun = time.monotonic()
    late, file, other = (announced(home, site.draw.word(), len(content)) for _ in range(3))
    limit = int(site.settings["FILE_LIMIT_BYTES"])
    too_large = {"name": "x", "size_bytes": limit + 1}
    is_refused(home.http.request("POST", f"{home.path}/files", json=too_large), "/size_bytes")
    head = f"PUT {file.path} HTTP/1.1\r\nHost: {urlsplit(site.service.urls[0]).netloc}\r\n"
    binary = announced(home, "x.txt", LARGE_BYTES)
    download = path_of(str(shown_of(stored(home, content).show())["download_url"]))
    changed = {
        "for another file": file.path.replace(file.id, other.id),
        "for another organisation": file.path.replace(home.id, str(site.draw.uuid())),
        "for longer": later(file.path),
        "signed otherwise": file.path[:-1] + ("0" if file.path[-1] != "0" else "1"),
        "signed in another alphabet": f"{file.path[:-1]}%C3%A9",
        "for a download": download.replace("/downloads/", "/uploads/"),
    }
    sent = [
        *(
            Refused(f"a link {what}", client.request("PUT", path, body=content), FORBIDDEN)
            for what, path in changed.items()
        ),
        Refused(
            "a link for an upload",
            fetched(site, at_files(site, file.path.replace("/uploads/", "/downloads/"))),
            FORBIDDEN,
        ),
        Refused("a longer body", send_raw(site.service.urls[0], longer(head, len(content) + 1)), BAD),
        Refused("a shorter body", file.put(client, content[:-1]), BAD),
        Refused(
            "a body without a length", send_raw(site.service.urls[0], chunked(head, content)), LENGTH_REQUIRED
        ),
        Refused(
            "a body of no type", binary.put(client, b"text" * (LARGE_BYTES // 4 - 1) + b"tex\x01"), INVALID
        ),
    ]
    silent = [one.what for one in sent if not one.answer.status]
    slow = max(one.answer.received - one.answer.sent for one in sent if one.answer.status)
    if time.monotonic() > begun + LINK_SECONDS - 1 and (not silent or slow > SLOW_SECONDS):
        raise Inconclusive("the links were over before all was sent")
    wait_until(time.monotonic() + LINK_SECONDS + 0.5)
    sent.append(Refused("a late body", late.put(client, content), FORBIDDEN))
    return sent, [late, file, other, binary], announced(home, site.draw.word(), len(content)), content


def later(path: str) -> str:
    before, _, rest = path.partition("expires=")
    expires, _, signature = rest.partition("&")
    return f"{before}expires={int(expires) + 1000}&{signature}"


def at_files(site: Site, path: str) -> str:
    return f"{site.settings['FILES_ORIGIN']}{path}"


def longer(head: str, length: int) -> bytes:
    """Announce more than was announced, and send nothing of it."""
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


def chunked(head: str, content: bytes) -> bytes:
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + body


@then("each is refused, before more is read than was announced, and leaves nothing")
def each_is_refused(site: Site, refused: tuple[list[Refused], list[Upload], Upload, bytes]) -> None:
    sent, files, good, content = refused
    for one in sent:
        got = describe_answer(one.answer)
        expect(one.answer.status == one.status, expected=f"{one.status} for {one.what}", got=got)
        is_problem(one.answer, one.status)
    for file in files:
        is_problem(file.show(), MISSING)
    client = site.service.client()
    first, again = good.put(client, content), good.put(client, content)
    expect(shown_of(again) == shown_of(first), expected="the same answer again", got=describe_answer(again))
    is_problem(good.put(client, content[:-1] + b"!"), CONFLICT)


@dataclass(frozen=True)
class Announced:
    """What was announced at the same instant, and for how much there was room."""

    answers: list[Exchange]
    room: int
    size_bytes: int
    sent: float


@when("files are announced at the same instant that are too many together", target_fixture="many")
def files_are_announced(site: Site, home: Home) -> Announced:
    quota, limit = (int(site.settings[f"FILE_{name}_BYTES"]) for name in ("QUOTA", "LIMIT"))
    size = site.draw.integer(quota // 5, min(limit, quota // 3 - 1))
    body = b'{"name": "x", "size_bytes": %d}' % size
    headers = {**JSON, **home.person.authorization}
    requests = [Request("POST", f"{home.path}/files", headers, body)] * (quota // size + 3)
    answers = while_nobody_writes(site, requests)
    return Announced(answers, quota // size, size, time.monotonic())


@then("so many are let in as there is room for, and what is deleted or does not come makes room")
def so_many_are_let_in(site: Site, home: Home, many: Announced) -> None:
    statuses = sorted(answer.status for answer in many.answers)
    wanted = [CREATED] * many.room + [CONFLICT] * (len(statuses) - many.room)
    expect(statuses == wanted, expected=str(wanted), got=statuses)
    body = {"name": "x", "size_bytes": many.size_bytes}
    elsewhere = home.of(site.elsewhere(home.person, 1))

    def status(at: Home) -> int:
        return at.http.request("POST", f"{at.path}/files", json=body).status

    expect(status(site.home()) == CREATED, expected="201 for another organisation", got="another")
    wait_until(many.sent + LINK_SECONDS + 0.5)
    files = [stored(home, b"%PDF-" + b"\x00" * (many.size_bytes - 5)) for _ in range(many.room)]
    got = [status(home), status(elsewhere)]
    expect(got == [CONFLICT] * 2, expected="409 while all are stored", got=got)
    home.http.request("DELETE", f"{home.path}/files/{files[0].id}")
    got = [status(elsewhere), status(home)]
    expect(got == [CREATED, CONFLICT], expected="room for what was deleted, once", got=got)


@dataclass(frozen=True)
class Killed:
    """Files whose process was killed, the first of which was sent again, and one that was deleted."""

    uploads: list[tuple[Upload, bytes]]
    deleted: tuple[Upload, bytes]
    again: Exchange
    sent: float
    begun: float


@when("its process is killed while files come, and one is deleted", target_fixture="killed")
def its_process_is_killed(site: Site, home: Home) -> Killed:
    kinds = sorted(KINDS)
    contents = [content_of(site.draw, site.draw.choice(kinds), 300_000) for _ in range(4)]
    gone = stored(home, contents[3])
    link = str(shown_of(gone.show())["download_url"])
    answer = home.http.request("DELETE", f"{home.path}/files/{gone.id}")
    expect(answer.status == NO_CONTENT, expected="204 for a deletion", got=describe_answer(answer))
    is_problem(fetched(site, link), MISSING)
    uploads = [(announced(home, "x", len(content)), content) for content in contents[:3]]
    begun = time.monotonic()
    partly, content = uploads[2]
    url = urlsplit(site.service.urls[0])
    with closing(socket.create_connection((url.hostname or "", url.port or 0))) as connection:
        head = f"PUT {partly.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content[:-1])
        with ThreadPoolExecutor(2) as pool, tables_held(site):
            # Their bytes have come, and no row can say so.
            for file, whole in uploads[:2]:
                pool.submit(file.put, site.service.client(), whole)
            time.sleep(HELD_SECONDS)
            instance = site.service.start_web_again({})
    # To the other process: how long a start takes is nothing that a link waits for.
    again = uploads[0][0].put(site.service.client(), uploads[0][1])
    sent = time.monotonic()
    wait_until_ready(instance)
    return Killed(uploads, (gone, contents[3]), again, sent, begun)


@then("what was not acknowledged can be sent again, and of what is not there nothing is left")
def what_was_not_acknowledged(site: Site, home: Home, killed: Killed) -> None:
    here = home.of(site.elsewhere(home.person, 0))
    gone, content = killed.deleted
    is_problem(gone.show(here), MISSING)
    (again, whole), *others = killed.uploads
    for file, _ in others:
        is_problem(file.show(here), MISSING)
    is_late = killed.sent > killed.begun + LINK_SECONDS - 1
    got_ = describe_answer(killed.again)
    expect(killed.again.status == OK, expected="200 for what is sent again", got=got_, timing=is_late)
    wait_until(killed.begun + LINK_SECONDS)
    nothing_is_left(site, [content, *(each for _, each in others)])
    got = fetched(site, str(shown_of(again.show(here))["download_url"]))
    expect(got.body == whole, expected="the bytes that were acknowledged", got=describe_answer(got))


def nothing_is_left(site: Site, contents: Sequence[bytes]) -> None:
    """Wait until nothing lies in the folder that has one of these contents."""
    deadline = time.monotonic() + SWEPT_SECONDS
    while left := [name for content in contents for name in traces_of(site, content)]:
        late = time.monotonic() > deadline
        expect(not late, expected=f"nothing left after {SWEPT_SECONDS:g} s", got=left)
        time.sleep(0.2)
