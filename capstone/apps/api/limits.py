"""Limits that all processes share, by libs/rate-limit. While Redis is away each process counts for itself."""

from rate_limit import AsyncLimiter


class LimiterBudget:
    """How often an organisation may act."""

    def __init__(self, limiter: AsyncLimiter) -> None:
        self._limiter = limiter

    async def spend(self, key: str) -> float | None:
        """Take one; return after how many seconds there is another, if there is none now."""
        decision = await self._limiter.hit(key)
        return None if decision else float(decision.retry_after_seconds or 1)
