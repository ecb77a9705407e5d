"""Redis without a client between: commands packed once, one deadline for each answer, threads or asyncio."""

from redis_wire._address import Address, parse_address
from redis_wire._commands import Script, checked, command, lacks_script, packed
from redis_wire._errors import RedisUnavailableError, RedisUrlError
from redis_wire._sockets import Sockets
from redis_wire._streams import Streams

__all__ = [
    "Address",
    "RedisUnavailableError",
    "RedisUrlError",
    "Script",
    "Sockets",
    "Streams",
    "checked",
    "command",
    "lacks_script",
    "packed",
    "parse_address",
]
