"""The keys of applications that ask for flags. They travel with the ruleset, so an outage refuses nobody."""

import hashlib
import secrets
from typing import Final, Literal

from flags.documents import Name
from service_kit.schemas import Body

PREFIX: Final = "ofk_"


class KeyFields(Body):
    """What a client says of a key."""

    name: Name
    kind: Literal["server", "browser"]


class ApiKey(KeyFields):
    """A key as it is kept: of the secret, which has 256 random bits, only the hash."""

    id: str
    sha256: str
    revoked: bool = False


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
