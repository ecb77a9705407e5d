"""Roles of one check: they belong to the server, which others use, too."""

import secrets
from urllib.parse import urlsplit

from .vault import Vault


def new_role(vault: Vault, kind: str, *, password: str | None = None) -> str:
    """Make a role that nobody else has, and that may log in with this password."""
    name = f"{kind}_{vault.draw.word()}_{secrets.token_hex(3)}"
    vault.run("CREATE ROLE {}", name, database="postgres")
    if password is not None:
        with vault.connect("postgres") as connection:
            connection.execute(f"ALTER ROLE \"{name}\" LOGIN PASSWORD '{password}'")
    return name


def url_as(vault: Vault, user: str, password: str) -> str:
    """Return the address that the service has, for another user."""
    own = urlsplit(vault.service.postgres.url)
    return own._replace(netloc=f"{user}:{password}@{own.netloc.rpartition('@')[2]}").geturl()
