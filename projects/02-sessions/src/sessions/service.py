"""The verbs of this service."""

from sessions.domain import NAME, Count
from sessions.errors import InvalidNameError, NotCountedError
from sessions.latest import Latest
from sessions.repository import Counts


class CounterService:
    """Counts names."""

    def __init__(self, counts: Counts, latest: Latest, increment: int) -> None:
        self._counts = counts
        self._latest = latest
        self._increment = increment

    async def count(self, name: str) -> Count:
        """Add the increment to a name's count.

        Raises: InvalidNameError, StoreUnavailableError.
        """
        if not NAME.fullmatch(name):
            raise InvalidNameError
        count = await self._counts.add(name, self._increment)
        await self._latest.put(name)
        return count

    async def read(self, name: str) -> Count:
        """Tell how far a name was counted.

        Raises: NotCountedError, StoreUnavailableError.
        """
        count = await self._counts.find(name)
        if count is None:
            raise NotCountedError(name)
        return count

    async def latest(self) -> str | None:
        """Tell which name was counted last.

        Raises: StoreUnavailableError.
        """
        return await self._latest.get()
