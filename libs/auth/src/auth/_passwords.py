"""How passwords are kept: argon2id, in a bounded pool, and hashes of earlier systems until the next login."""

import os
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Final

import argon2

from auth._errors import SettingError, UnknownHashError
from auth._hashing_pool import HashingPool

BCRYPT_PREFIXES: Final = ("$2a$", "$2b$", "$2y$")
BCRYPT_BYTES: Final = 72
"""bcrypt reads no more. What was truncated when it was hashed is truncated when it is verified."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The cost of argon2id. The defaults are OWASP's second choice: 26 ms and 19 MiB a hash."""

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether it is the password, and whether it should be hashed anew now that it is known."""

    ok: bool
    needs_rehash: bool = False


class PasswordHasher:
    """Hashes and verifies passwords. Making one takes the time of a hash, so make it at the start.

    A hash needs `memory_kib` of memory, `concurrency` of them run at once, and `queue` more may wait.
    """

    def __init__(
        self, parameters: Parameters | None = None, *, concurrency: int | None = None, queue: int = 64
    ) -> None:
        chosen = parameters or Parameters()
        try:
            self._argon2 = argon2.PasswordHasher(
                time_cost=chosen.passes, memory_cost=chosen.memory_kib, parallelism=chosen.lanes
            )
            # Nobody's password, with the parameters of today: to refuse an unknown account takes as long as a
            # wrong password.
            self._dummy = self._argon2.hash(secrets.token_bytes())
        except argon2.exceptions.HashingError as exc:
            raise SettingError(f"argon2 refuses {chosen}: {exc}") from exc
        self._pool = HashingPool(concurrency or os.process_cpu_count() or 1, queue)

    async def hash(self, password: str) -> str:
        """Return the hash to store. Raises: HasherBusyError."""
        return await self._pool.run(lambda: self._argon2.hash(normalized(password).encode(*UTF8)))

    async def verify(self, stored: str | None, password: str) -> Verification:
        """Tell whether this is the password; `stored` is None where there is no such account.

        Raises: HasherBusyError, UnknownHashError.
        """
        return await self._pool.run(lambda: self._verify(stored, password))

    def close(self) -> None:
        self._pool.close()

    def _verify(self, stored: str | None, password: str) -> Verification:
        if stored is not None and stored.startswith(BCRYPT_PREFIXES):
            ok = _bcrypt_matches(stored, password)
            return Verification(ok, needs_rehash=ok)
        try:
            self._argon2.verify(self._dummy if stored is None else stored, normalized(password).encode(*UTF8))
        except argon2.exceptions.VerifyMismatchError:
            return Verification(ok=False)
        except (argon2.exceptions.InvalidHashError, argon2.exceptions.VerificationError) as exc:
            raise UnknownHashError("the stored hash is neither argon2's nor bcrypt's") from exc
        if stored is None:
            return Verification(ok=False)
        return Verification(ok=True, needs_rehash=self._argon2.check_needs_rehash(stored))


UTF8: Final = ("utf-8", "surrogatepass")
"""JSON can hold half of a surrogate pair: it is no reason for a 500."""


def normalized(password: str) -> str:
    """Give each way of typing the same characters the same code points.

    NFC, and not NFKC, which would make an ASCII digit of a full-width one. Nothing else is changed.
    Source: NIST SP 800-63B-4, section 3.1.1.2.
    """
    return unicodedata.normalize("NFC", password)


def _bcrypt_matches(stored: str, password: str) -> bool:
    import bcrypt  # noqa: PLC0415 - an extra, for those alone who have such hashes

    # Whether the earlier system normalized is not known: first as it was received, then as NFC.
    spellings = dict.fromkeys((password, normalized(password)))
    try:
        return any(bcrypt.checkpw(text.encode(*UTF8)[:BCRYPT_BYTES], stored.encode()) for text in spellings)
    except ValueError as exc:
        raise UnknownHashError("the stored hash begins like bcrypt's and is none") from exc
