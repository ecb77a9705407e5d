"""How the service and its evaluators talk: a JSON header and parts of plain bytes, each behind its length."""

from asyncio import StreamReader
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import orjson

from service_kit.json_text import Json

_LENGTH: Final = 4

type Header = Mapping[str, object]


def encode(header: Header, parts: Sequence[bytes] = ()) -> bytes:
    """Write one frame; what JSON has no form for is written as text."""
    every = [orjson.dumps(header, default=str, option=orjson.OPT_NON_STR_KEYS), *parts]
    return len(every).to_bytes(_LENGTH) + b"".join(len(part).to_bytes(_LENGTH) + part for part in every)


def decode(read_exactly: Callable[[int], bytes]) -> tuple[dict[str, Json], list[bytes]]:
    """Read one frame.

    Raises: EOFError, where the other side has ended.
    """
    count = int.from_bytes(read_exactly(_LENGTH))
    header, *parts = [read_exactly(int.from_bytes(read_exactly(_LENGTH))) for _ in range(count)]
    return orjson.loads(header), parts


async def receive(reader: StreamReader) -> tuple[dict[str, Json], list[bytes]]:
    """Do the same from a stream. Raises: asyncio.IncompleteReadError, where the other side has ended."""

    async def part() -> bytes:
        return await reader.readexactly(int.from_bytes(await reader.readexactly(_LENGTH)))

    count = int.from_bytes(await reader.readexactly(_LENGTH))
    header, *parts = [await part() for _ in range(count)]
    return orjson.loads(header), parts
