"""The verbs of this service."""

from webhooks.domain import NAME, Count
from webhooks.errors import InvalidNameError, NotCountedError
from webhooks.repository import Counts


class CounterService:
    """Counts names."""

    def __init__(self, counts: Counts, increment: int) -> None:
        self._counts = counts
        self._increment = increment

    async def count(self, name: str) -> Count:
        """Add the increment to a name's count.

        Raises: InvalidNameError, StoreUnavailableError.
        """
        if not NAME.fullmatch(name):
            raise InvalidNameError
        return await self._counts.add(name, self._increment)

    async def read(self, name: str) -> Count:
        """Tell how far a name was counted.

        Raises: NotCountedError, StoreUnavailableError.
        """
        count = await self._counts.find(name)
        if count is None:
            raise NotCountedError(name)
        return count
