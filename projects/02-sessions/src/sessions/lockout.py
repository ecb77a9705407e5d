"""How often a password may be guessed: for each account, known or not, and from each address."""

import hashlib
from dataclasses import dataclass
from typing import Final

from sessions.errors import LockedError
from sessions.redis_scripts import RedisScripts, number, rows

FORGOTTEN_MS: Final = 24 * 3600 * 1000
KNOWN_ADDRESSES: Final = 20
KNOWN_MS: Final = 30 * FORGOTTEN_MS
"""An address from which the owner has logged in counts for itself: no stranger locks the owner out."""


@dataclass(frozen=True, slots=True)
class LockoutRules:
    """After so many failures a lock, twice as long after each further one; and the bound of an address."""

    failures: int
    lock_seconds: float
    longest_lock_seconds: float
    address_failures: int
    address_seconds: float


@dataclass(frozen=True, slots=True)
class Guess:
    """One that may be made, when it began for Redis, and the counter in which it stands as failed."""

    account: str
    address: str
    counter: str
    began_ms: int


class Lockout:
    """Counts guesses before they are made: those that come together cannot all see a count that is low."""

    def __init__(self, scripts: RedisScripts, rules: LockoutRules) -> None:
        self._scripts = scripts
        self._rules = rules

    async def look(self, email: str, address: str) -> None:
        """Refuse what would be refused anyway, before it waits for a turn. Raises what `begin` does."""
        await self._ask(email, address, count=False)

    async def begin(self, email: str, address: str) -> Guess:
        """Count a guess as failed. Raises: LockedError, StoreUnavailableError."""
        return await self._ask(email, address, count=True)

    async def _ask(self, email: str, address: str, *, count: bool) -> Guess:
        account, rules = account_of(email), self._rules
        counters = [f"failures:{account}", f"failures:{account}:{address}"]
        reply = rows(
            await self._scripts.run(
                "guess",
                [*counters, f"known:{account}", f"failures:from:{address}"],
                address,
                "1" if count else "0",
                rules.failures,
                round(1000 * rules.lock_seconds),
                round(1000 * rules.longest_lock_seconds),
                rules.address_failures,
                round(1000 * rules.address_seconds),
                FORGOTTEN_MS,
            )
        )
        wait_ms, now_ms, which = (number(part) for part in reply)
        if wait_ms:
            raise LockedError(wait_ms / 1000)
        return Guess(account, address, counters[which - 1], now_ms)

    async def right(self, guess: Guess) -> None:
        """Take a guess back that was right. Raises: StoreUnavailableError."""
        keys = [guess.counter, f"known:{guess.account}", f"failures:from:{guess.address}"]
        await self._scripts.run("right", keys, guess.address, KNOWN_ADDRESSES, KNOWN_MS)


def account_of(email: str) -> str:
    """Name an account in Redis, whether there is one or not."""
    return hashlib.sha256(email.encode()).hexdigest()
