"""Links that let whoever has them put or get one file for a while: they carry no token of anybody's."""

import hmac
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from core.files.domain import InvalidLinkError

PURPOSE: Final = b"capstone files"


class Verb(StrEnum):
    """What a link is good for."""

    PUT = "uploads"
    GET = "downloads"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a link says."""

    tenant_id: UUID
    file_id: UUID
    expires: int
    signature: str


class Links:
    """Signs links, and says which are ours and in time."""

    def __init__(self, key: bytes, upload_origin: str, download_origin: str) -> None:
        self._key = hmac.digest(key, PURPOSE, "sha256")
        self._origins = {Verb.PUT: upload_origin, Verb.GET: download_origin}

    def sign(self, verb: Verb, tenant_id: UUID, file_id: UUID, expires: int) -> str:
        """Return a link that counts until `expires`, in seconds since 1970."""
        query = {"expires": expires, "signature": self._signature(verb, tenant_id, file_id, expires)}
        path = f"/api/v1/{verb}/{tenant_id}/{file_id}"
        return f"{self._origins[verb]}{path}?{urlencode(query)}"

    def check(self, verb: Verb, claims: Claims) -> float:
        """Return for how many seconds a link still counts. Raises: InvalidLinkError."""
        right = self._signature(verb, claims.tenant_id, claims.file_id, claims.expires)
        left_seconds = claims.expires - time.time()
        if not hmac.compare_digest(right.encode(), claims.signature.encode()) or left_seconds <= 0:
            raise InvalidLinkError("The link is none of ours, or its time is over.")
        return left_seconds

    def _signature(self, verb: Verb, tenant_id: UUID, file_id: UUID, expires: int) -> str:
        signed = f"{verb}\n{tenant_id}\n{file_id}\n{expires}".encode()
        return hmac.digest(self._key, signed, "sha256").hex()
