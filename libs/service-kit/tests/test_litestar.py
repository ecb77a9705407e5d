import asyncio

import httpx
from litestar import Litestar, Request, put
from litestar.datastructures import State
from litestar.params import FromPath

from service_kit.incoming import RECEIVE
from service_kit.litestar import install
from service_kit.settings import ServiceSettings

LIMIT_BYTES = 100


@put("/own/{name:str}")
async def own(request: Request[object, object, State], name: FromPath[str]) -> dict[str, int]:
    """Count what comes, as the server has it."""
    size_bytes, more = 0, True
    while more:
        message = await request.scope[RECEIVE]()  # type: ignore[literal-required]  # a key of the plumbing's
        size_bytes += len(message.get("body", b""))
        more = message.get("more_body", False)
    return {name: size_bytes}


@put("/others")
async def others(request: Request[object, object, State]) -> dict[str, int]:
    return {"size": len(await request.body())}


def put_bytes(path: str, size_bytes: int) -> httpx.Response:
    async def ask() -> httpx.Response:
        settings = ServiceSettings(port=1, body_limit_bytes=LIMIT_BYTES)
        app = install(Litestar([own, others]), settings, own_bodies=["/own/{name}"])
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            headers = {"Content-Type": "application/json"}
            return await client.put(path, content=b"{" * size_bytes, headers=headers)

    return asyncio.run(ask())


def test_a_route_that_bounds_its_bodies_reads_them_as_they_come_whatever_they_say_they_are() -> None:
    answer = put_bytes("/own/size", 10 * LIMIT_BYTES)
    assert (answer.status_code, answer.json()) == (200, {"size": 10 * LIMIT_BYTES})


def test_all_other_routes_have_the_limit_and_read_strict_json() -> None:
    assert put_bytes("/others", LIMIT_BYTES + 1).status_code == 413
    assert put_bytes("/others", LIMIT_BYTES).status_code == 400
