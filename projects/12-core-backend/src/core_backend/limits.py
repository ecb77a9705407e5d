"""How often an address may ask for what costs a hash, counted in Redis for all processes together.

While Redis is away each process counts for itself (decision 5).
"""

from core_backend.errors import TooManyRequestsError
from rate_limit import AsyncLimiter


class AuthLimit:
    """The budget of each address."""

    def __init__(self, limiter: AsyncLimiter) -> None:
        self._limiter = limiter

    async def spend(self, address: str) -> None:
        """Take one request. Raises: TooManyRequestsError."""
        decision = await self._limiter.hit(address)
        if not decision:
            raise TooManyRequestsError(int(decision.retry_after_seconds or 0) + 1)
