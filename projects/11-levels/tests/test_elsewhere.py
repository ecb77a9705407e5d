"""Where a name leads, and what is a proof: what no check can arrange without a name server of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID

import pytest

from levels.elsewhere import Elsewhere
from levels.errors import InvalidRunError
from service_kit.egress import EgressGuard

pytestmark = pytest.mark.anyio

LEARNER = UUID(int=7)


class Names(Protocol):
    """The names of the world."""

    def __call__(self, *answers: list[str]) -> None: ...


@pytest.fixture
def leads_to(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Have every name lead to these addresses, in turn one list a look-up."""

    def lead(*answers: list[str]) -> None:
        left = list(answers)

        def look_up(*_: object, **__: object) -> list[tuple[object, ...]]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in left.pop(0)]

        monkeypatch.setattr("service_kit.egress.socket.getaddrinfo", look_up)

    return lead


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[int]:
    """Answer each request with these bytes, and close the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]


def elsewhere(*, allow_private: bool = True) -> Elsewhere:
    return Elsewhere(EgressGuard(allow_private=allow_private))


async def test_a_public_name_that_leads_to_a_private_address_is_not_asked(leads_to: Names) -> None:
    leads_to(["93.184.215.14", "10.0.0.7"])
    with pytest.raises(InvalidRunError) as refused:
        await elsewhere(allow_private=False).find("http://tea.example", LEARNER)
    assert refused.value.code == "private_address"


async def test_the_first_address_that_takes_a_connection_is_the_one(leads_to: Names) -> None:
    leads_to(["127.0.0.2", "127.0.0.1"])
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n%b\n" % str(LEARNER).encode()) as port:
        found = await elsewhere().find(f"http://tea.example:{port}", LEARNER)
    assert found == f"http://127.0.0.1:{port}"


async def test_a_name_is_looked_up_once(leads_to: Names) -> None:
    leads_to(["127.0.0.1"])  # a second look-up would find no answer
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n%b" % str(LEARNER).encode()) as port:
        assert await elsewhere().find(f"http://tea.example:{port}/", LEARNER) == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "not_proven"),
        (b"HTTP/1.1 2000 OK\r\n\r\n%b" % str(LEARNER).encode(), "not_proven"),
        (b"HTTP/1.1 200 OK\r\nX: %b\r\n\r\n" % (b"x" * 10_000), "no_answer"),
        (b"HTTP/1.1 200 OK\r\n", "no_answer"),
        (b"", "no_answer"),
    ],
)
async def test_what_is_no_proof_is_told_from_no_answer(leads_to: Names, answer: bytes, code: str) -> None:
    leads_to(["127.0.0.1"])
    async with serving(answer) as port:
        with pytest.raises(InvalidRunError) as refused:
            await elsewhere().find(f"http://tea.example:{port}", LEARNER)
    assert refused.value.code == code
