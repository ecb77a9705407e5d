"""How passwords are kept: argon2id, which is slow on purpose, in threads of its own."""

import asyncio
import secrets

import argon2
from argon2.exceptions import VerificationError


class Passwords:
    """Hashes and compares. Making one takes the time of a hash, so make it at the start."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        # Nobody's password: to refuse an unknown address takes as long as a wrong password.
        self._nobodys = self._hasher.hash(secrets.token_bytes())

    async def hash(self, password: str) -> str:
        """Return the hash, with a salt of its own and all that it takes to compare."""
        return await asyncio.to_thread(self._hasher.hash, password)

    async def is_right(self, password: str, stored: str | None) -> bool:
        """Compare with what is stored; None: there is no such user, which takes as long to find out."""
        return await asyncio.to_thread(self._is_right, password, stored)

    def _is_right(self, password: str, stored: str | None) -> bool:
        try:
            self._hasher.verify(stored or self._nobodys, password)
        except VerificationError:
            return False
        return stored is not None
