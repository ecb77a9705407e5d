"""Large objects are in no table that one may read, and pg_dump dumps them: so they are proven, too."""

import hashlib
from typing import Final, LiteralString

from backup.domain import LargeObjects
from backup.properties import Connection

OIDS: Final = "SELECT oid FROM pg_largeobject_metadata ORDER BY oid"
READ: Final = 0x40000
BLOCK_BYTES: Final = 1 << 20


def prove_large_objects(connection: Connection) -> LargeObjects:
    """Hash them as this transaction sees them. They are read in blocks: one may have terabytes, and holes.

    Those who ask for `pg_largeobject` itself have to be superusers; who may dump an object may read it so.
    """
    content = hashlib.sha256()
    with connection.transaction():  # a descriptor is good for one
        oids = [int(str(oid)) for (oid,) in connection.execute(OIDS).fetchall()]
        for oid in oids:
            content.update(f"{oid} {_hash(connection, oid)}\n".encode())
    return LargeObjects(len(oids), content.hexdigest())


def _hash(connection: Connection, oid: int) -> str:
    digest = hashlib.sha256()
    descriptor = _one(connection, "SELECT lo_open(%s, %s)", [oid, READ])
    while block := _one(connection, "SELECT loread(%s, %s)", [descriptor, BLOCK_BYTES]):
        if not isinstance(block, bytes):
            raise TypeError("loread returns bytes")
        digest.update(block)
    _one(connection, "SELECT lo_close(%s)", [descriptor])
    return digest.hexdigest()


def _one(connection: Connection, query: LiteralString, parameters: list[object]) -> object:
    row = connection.execute(query, parameters, binary=True).fetchone()
    if row is None:
        raise AssertionError("a SELECT without FROM has one row")
    return row[0]
