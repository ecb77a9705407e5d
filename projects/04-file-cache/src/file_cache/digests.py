"""Digests of the body, as who sends it has announced them. Source: RFC 9530."""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha512
from typing import Final, Self

import http_sf

from file_cache.errors import DigestMismatchError, InvalidFieldError

ALGORITHMS: Final = {"sha-256": 32, "sha-512": 64}
# As Bazel names its blobs: a body that is stored there is the one that its key promises.
CONTENT_ADDRESS: Final = re.compile(rb"(?:.*/)?cas/([0-9a-f]{64})", re.DOTALL)


class ExpectedDigests:
    """What the body has to be like; it is fed the body, and compares at the end."""

    def __init__(self, expected: Mapping[str, bytes], key: bytes) -> None:
        address = CONTENT_ADDRESS.fullmatch(key)
        self._sha256 = {value for name, value in expected.items() if name == "sha-256"}
        self._sha256 |= {bytes.fromhex(address[1].decode())} if address else set()
        self._sha512 = expected.get("sha-512")
        self._hash = sha512() if self._sha512 is not None else None
        self.is_announced = bool(expected)

    @classmethod
    def parse(cls, fields: Mapping[str, str | None], key: bytes) -> Self:
        """Read Content-Digest and Repr-Digest, which are the same for a body that is not compressed.

        An algorithm that is not known is passed over. Raises: InvalidFieldError, DigestMismatchError.
        """
        expected: dict[str, bytes] = {}
        for field, header in fields.items():
            for name, value in _members(field, header or "").items():
                if expected.setdefault(name, value) != value:
                    raise DigestMismatchError
        return cls(expected, key)

    def update(self, some: bytes) -> None:
        if self._hash is not None:
            self._hash.update(some)

    def check(self, sha256: bytes) -> None:
        """Raises: DigestMismatchError."""
        if self._sha256 - {sha256} or (self._hash is not None and self._hash.digest() != self._sha512):
            raise DigestMismatchError


def digest_field(sha256: bytes) -> str:
    """Write the value of Repr-Digest."""
    return f"sha-256=:{b64encode(sha256).decode()}:"


def _members(field: str, header: str) -> dict[str, bytes]:
    try:
        parsed = http_sf.parse(header.encode(), tltype="dictionary") if header else {}
    except ValueError as error:
        raise InvalidFieldError(field, "it is no dictionary of byte sequences.") from error
    found: dict[str, bytes] = {}
    for name, member in parsed.items() if isinstance(parsed, dict) else ():
        value = member[0] if isinstance(member, tuple) else member
        if name in ALGORITHMS:
            if not isinstance(value, bytes) or len(value) != ALGORITHMS[name]:
                raise InvalidFieldError(field, f"{name} is a byte sequence of {ALGORITHMS[name]} bytes.")
            found[name] = value
    return found
