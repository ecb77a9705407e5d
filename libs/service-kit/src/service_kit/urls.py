"""Addresses of PostgreSQL and Redis with no part that a driver would pass over, or obey unseen."""

import re
from typing import Annotated, Final
from urllib.parse import parse_qsl, unquote

from pydantic import AfterValidator, BeforeValidator, PostgresDsn, RedisDsn

# What a character outside its place makes of an address: a password with `#`, `/` or `?` ends it.
_ESCAPES = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_UNENCODED = "special characters of a password are percent-encoded"
_POSTGRES_SCHEMES: Final = {"postgresql", "postgres", "postgresql+psycopg"}
_SSL_MODES: Final = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
_POSTGRES_OPTIONS: Final = {"sslmode", "sslrootcert", "sslcert", "sslkey"}


def _check_redis_text(url: object) -> object:
    if isinstance(url, str) and re.match(r"rediss?:(?!//[^/])", url):
        raise ValueError("it names a host")  # pydantic's own default would be localhost
    return url


def _check_redis(url: RedisDsn) -> RedisDsn:
    if not re.fullmatch(r"(/([0-9]{1,4})?)?", url.path or ""):
        raise ValueError(f"its path is the number of a database, such as /0; {_UNENCODED}")
    if url.query is not None or url.fragment is not None:
        raise ValueError(f"it has no options; {_UNENCODED}")
    check_address(str(url), url.host, url.port)
    return url


def _check_postgres(url: PostgresDsn) -> PostgresDsn:
    if url.scheme not in _POSTGRES_SCHEMES:
        raise ValueError("it begins with postgresql://")
    if len(url.hosts()) != 1 or not url.hosts()[0]["host"]:
        raise ValueError("it names one host")
    if not re.fullmatch(r"/[^/]+", url.path or ""):
        raise ValueError(f"its path is the name of a database, such as /app; {_UNENCODED}")
    if url.fragment is not None:
        raise ValueError(f"it has no fragment; {_UNENCODED}")
    options = parse_qsl(url.query or "", keep_blank_values=True)
    names = [name for name, _ in options]
    if strange := sorted({name for name in names if name not in _POSTGRES_OPTIONS or names.count(name) > 1}):
        known = ", ".join(sorted(_POSTGRES_OPTIONS))
        raise ValueError(f"of options it may have {known}, each once, and not {', '.join(strange)}")
    if (mode := dict(options).get("sslmode", "prefer")) not in _SSL_MODES:
        raise ValueError(f"there is no sslmode {mode!r}")
    check_address(str(url), url.hosts()[0]["host"], url.hosts()[0]["port"])
    return url


def check_address(url: str, host: str | None, port: int | None) -> None:
    """Refuse what no driver can use, or each understands in another way. Raises: ValueError."""
    if _ESCAPES.search(url):
        raise ValueError(f"a % begins an escape such as %25; {_UNENCODED}")
    try:
        decoded = unquote(url, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("its escapes are of UTF-8") from None
    if _CONTROLS.search(decoded):
        raise ValueError("it has no control characters")
    if host is None or "%" in host or "," in host:
        raise ValueError("its host is a name or an address, not several, and no socket's path")
    if port == 0:  # the drivers would take their default
        raise ValueError("its port is from 1 to 65535")


RedisUrl = Annotated[RedisDsn, BeforeValidator(_check_redis_text), AfterValidator(_check_redis)]
"""`redis://[user:password@]host[:port][/database]`, or `rediss://`."""
PostgresUrl = Annotated[PostgresDsn, AfterValidator(_check_postgres)]
"""`postgresql://[user[:password]@]host[:port]/database`, and of options only those of TLS."""
