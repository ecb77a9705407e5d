"""Which environment a process is of: what is right in one is a mistake in the other, and stops the start.

Unsaid it is production, where nothing is let through. A database remembers whose it is, too.
"""

import hashlib
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS: Final = ("token_key", "operator_token", "audit_key", "sealing_key")
ORIGINS: Final = ("public_origin", "files_origin", "allowed_origins")
PUBLISHED: Final = frozenset(
    {
        "0201624d6763bf3001e78aea24c64cb87ba92071ba38c1245537205b9c790ccd",
        "08c4edc24ab52784dc95429d81112c210c47ebfba32596222173241374a5a289",
        "7ce5835da621773bf371b0483c5c5219b3ce23a2612852bc7be88c38e4a55449",
        "8376d3c185006c29a0202482cef77dc242efe908d6359b663d993d4472c56b4b",
        "aa3df4e8088b538f3419867d055951e1c85d77c261fe73b85c168929b6208fcf",
        "b548d5b4925ba3f8bb50449a6143002c1cb505e307a3d34e74b40eb7d0fcbcbc",
        "d23f87b5801cc23d64ca7e118fbd3c46554d139db14b7b29c7e984000fe120dc",
    }
)
"""SHA-256 of the secrets that stand in this repository, so that `make run-capstone` needs none."""


class Environment(BaseSettings):
    """What every process reads."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    environment: Annotated[
        Literal["development", "staging", "production"], Field(description="Whose data and secrets these are")
    ] = "production"
    seed: Annotated[
        bool, Field(description="Whether `release` makes data to develop with: in development alone")
    ] = False

    @model_validator(mode="after")
    def _is_of_its_environment(self) -> Self:
        if self.environment != "development":
            for fault in self._faults():
                raise ValueError(f"{fault} in {self.environment}")
        return self

    def _faults(self) -> Iterator[str]:
        """Name what is right in development alone. Which of these a process has, its settings say."""
        for name in SECRETS:
            secret = getattr(self, name, None)
            if isinstance(secret, SecretStr) and digest_of(secret) in PUBLISHED:
                yield f"{name.upper()} is published, and no secret"
        for name in ORIGINS:
            if any(origin.startswith("http:") for origin in str(getattr(self, name, "")).split(",")):
                yield f"{name.upper()} must be https"
        if self.seed:
            yield "SEED makes no data"
        if getattr(self, "allow_private_destinations", False):
            yield "ALLOW_PRIVATE_DESTINATIONS must be false"
        wanted = "live" if self.environment == "production" else "test"
        if getattr(self, "key_environment", wanted) != wanted:
            yield f"KEY_ENVIRONMENT must be {wanted}"


def digest_of(secret: SecretStr) -> str:
    return hashlib.sha256(secret.get_secret_value().encode()).hexdigest()
