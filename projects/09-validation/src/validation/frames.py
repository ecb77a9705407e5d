"""How the service and its evaluators talk: a JSON header and parts of plain bytes, each behind its length."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import orjson

from service_kit.json_text import Json

LENGTH: Final = 4
"""Bytes of a length: of a part, and before the first of the number of parts."""

type Header = Mapping[str, object]


def encode(header: Header, parts: Sequence[bytes] = ()) -> bytes:
    """Write one frame; what JSON has no form for is written as text."""
    every = [orjson.dumps(header, default=str, option=orjson.OPT_NON_STR_KEYS), *parts]
    return len(every).to_bytes(LENGTH) + b"".join(len(part).to_bytes(LENGTH) + part for part in every)


def decode(read_exactly: Callable[[int], bytes]) -> tuple[dict[str, Json], list[bytes]]:
    """Read one frame.

    Raises: EOFError, where the other side has ended.
    """
    count = int.from_bytes(read_exactly(LENGTH))
    header, *parts = [read_exactly(int.from_bytes(read_exactly(LENGTH))) for _ in range(count)]
    return orjson.loads(header), parts
