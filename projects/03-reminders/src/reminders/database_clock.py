"""PostgreSQL's clock, as a process that is not PostgreSQL can know it."""

from datetime import UTC, datetime, timedelta
from time import monotonic


class DatabaseClock:
    """Runs on from what PostgreSQL said last: late by that answer's journey, and never early."""

    def __init__(self) -> None:
        self._told = datetime.now(UTC)
        self._told_at = monotonic()

    def observe(self, now: datetime) -> None:
        """Set the clock by an answer that has just arrived."""
        self._told, self._told_at = now, monotonic()

    def now(self) -> datetime:
        return self._told + timedelta(seconds=monotonic() - self._told_at)
