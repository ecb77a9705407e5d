"""What a run has drawn for the service."""

from dataclasses import dataclass

from kata.steps import (
    World,
)

PRINTED_TOLERANCE = 300


@dataclass(frozen=True)
class Times:
    """What the run has drawn for the service that forwards: short, and away from what the lesson prints."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float
    timeout_seconds: float
    lease_seconds: float
    tolerance_seconds: int
    quarantine_limit: int
    operator_token: str

    def environment(self) -> dict[str, str]:
        return {
            "MAX_ATTEMPTS": str(self.max_attempts),
            "BACKOFF_BASE_SECONDS": f"{self.base_seconds:.3f}",
            "BACKOFF_CAP_SECONDS": f"{self.cap_seconds:.3f}",
            "FORWARD_TIMEOUT_SECONDS": f"{self.timeout_seconds:.3f}",
            "LEASE_SECONDS": f"{self.lease_seconds:.3f}",
            "TOLERANCE_SECONDS": str(self.tolerance_seconds),
            "QUARANTINE_LIMIT": str(self.quarantine_limit),
            "PAYLOAD_DAYS": "8",
            "KEY_DAYS": "9",
            "ALLOW_PRIVATE_DESTINATIONS": "true",
            "OPERATOR_TOKEN": self.operator_token,
        }

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.operator_token}"}

    def longest_wait_seconds(self, attempt: int) -> float:
        """Return the most that may lie between this attempt and the next."""
        return min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))


def draw_times(world: World) -> Times:
    """Return the times of the run, the same for all its checks."""
    base = world.setting("base-milliseconds", 450, 550) / 1000
    timeout = world.setting("timeout-milliseconds", 900, 1200) / 1000
    return Times(
        max_attempts=world.setting("MAX_ATTEMPTS", 3, 4, away_from=[8]),
        base_seconds=base,
        cap_seconds=1.5 * base,  # so near to the base that the second wait would go beyond it
        timeout_seconds=timeout,
        lease_seconds=timeout + world.setting("slack-milliseconds", 1000, 1300) / 1000,
        tolerance_seconds=world.setting("TOLERANCE_SECONDS", 60, 220, away_from=[PRINTED_TOLERANCE]),
        # Room for the known mistakes, and more than one would go through at a time.
        quarantine_limit=world.setting("QUARANTINE_LIMIT", 56, 74, away_from=[100]),
        operator_token=draw_token(world),
    )


def draw_token(world: World) -> str:
    """Return the operator's token: a number, so that `--set` can tell that of a service that runs already."""
    return str(world.setting("OPERATOR_TOKEN", 10**19, 10**60))
