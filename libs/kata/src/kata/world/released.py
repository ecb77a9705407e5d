"""Databases as the solution's `release:` leaves them: made once for each choice of settings, then copied.

A release is run before each start, and mostly it does the same again: of a verification's processor time it
took a fifth. So what it left behind in an empty database is kept as a template. A copy stands for another
run only if that could have done nothing else: it must have had the same settings, and have left nothing but
what is in that database. Otherwise it is run again.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import psycopg

from kata.world.owned_service import OwnedService

_DATA_DIR = "DATA_DIR"
_ADDRESSES = frozenset({"DATABASE_URL", "REDIS_URL", "SMTP_URL", _DATA_DIR})


def release(service: OwnedService) -> None:
    """Bring the service's dependencies to where its `release:` brings them.

    Raises:
        TargetError: it failed.

    """
    if not service.has_postgres:
        service.release()
        return
    database, server = service.postgres.database, service.postgres.address
    settings = {name: value for name, value in service.environment.items() if name not in _ADDRESSES}
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).digest()
    template = f"released_{key.hex()[:16]}"
    with server.connect() as connection:  # with whose end the lock is free, however it comes
        connection.execute("SELECT pg_advisory_lock(%s)", [int.from_bytes(key[:8], signed=True)])
        if server.has_database(template):
            server.create_database(database, template)
            return
        server.create_database(database)
        service.release()
        if _left_only_a_database(service):
            with suppress(psycopg.errors.ObjectInUse):  # something that it has started is still at work
                server.create_database(template, database)


def _left_only_a_database(service: OwnedService) -> bool:
    """Tell whether a copy of the service's database has all that the release can have done."""
    elsewhere = service.environment["DATABASE_URL"] != service.postgres.url
    asked_redis = service.has_redis and service.redis.proxy.connections > 0
    folder = service.environment.get(_DATA_DIR)
    left_files = folder is not None and any(Path(folder).iterdir())
    postgres = service.postgres
    return not (elsewhere or asked_redis or left_files) and postgres.address.copies_fully(postgres.database)
