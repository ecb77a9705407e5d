"""Python values as bodies of entries: bytes as they are, all else as MessagePack, and nothing pickled."""

from collections.abc import Iterable
from typing import Final

import msgpack  # type: ignore[import-untyped]  # it comes without types

from file_cache.bodies import DAMAGED
from file_cache.domain import LONGEST_KEY_BYTES, Metadata
from file_cache.errors import NotCachedError
from file_cache.groups import check_group

OCTETS: Final = "application/octet-stream"
MSGPACK: Final = "application/msgpack"


def content_type_of(value: object) -> str:
    return OCTETS if isinstance(value, bytes) else MSGPACK


def value_of(metadata: Metadata, data: bytes) -> object:
    if metadata.draft.content_type != MSGPACK:
        return data
    try:
        value: object = msgpack.unpackb(data, strict_map_key=False)
    except ValueError as error:  # it was stored over HTTP
        raise NotCachedError(DAMAGED) from error
    return value


def bytes_of(value: object) -> bytes:
    return value if isinstance(value, bytes) else packed(value)


def packed(value: object) -> bytes:
    """Write a value as MessagePack. Raises: TypeError."""
    try:
        data: bytes = msgpack.packb(value, strict_types=True)
    except (OverflowError, ValueError) as error:
        raise TypeError(f"MessagePack has no such value: {error}") from error
    return data


def key_bytes(key: str | bytes) -> bytes:
    data = key.encode() if isinstance(key, str) else key
    if not 0 < len(data) <= LONGEST_KEY_BYTES:
        raise ValueError(f"a key has 1 to {LONGEST_KEY_BYTES} bytes")
    return data


def tags_of(tags: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(tags))
    for tag in found:
        check_group(tag)
    return found
