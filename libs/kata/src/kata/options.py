"""What is judged, and how."""

from dataclasses import dataclass
from pathlib import Path

from kata.errors import UsageError

START_TIMEOUT_SECONDS = 20.0
SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Options:
    """The choices of one verification; the defaults judge the project's own folder, as plain pytest does."""

    directory: Path | None = None
    url: str | None = None
    docker: bool = False
    seed: str | None = None
    settings: tuple[tuple[str, str], ...] = ()
    only: frozenset[str] = frozenset()
    step: int | None = None
    extensions: bool = True
    start_timeout_seconds: float = START_TIMEOUT_SECONDS
    fail_fast: bool = False

    def arguments(self) -> list[str]:
        """Return the command line that means these options."""
        patience = self.start_timeout_seconds
        pairs: list[tuple[str, str | None]] = [
            ("--dir", str(self.directory) if self.directory else None),
            ("--url", self.url),
            ("--seed", self.seed),
            ("--step", str(self.step) if self.step is not None else None),
            ("--start-timeout", f"{patience:g}" if patience != START_TIMEOUT_SECONDS else None),
            *(("--only", check) for check in sorted(self.only)),
            *(("--set", f"{name}={value}") for name, value in self.settings),
        ]
        words = [word for flag, value in pairs if value is not None for word in (flag, value)]
        switches = [
            ("--docker", self.docker),
            ("--extensions", self.extensions and not self.only),
            ("--fail-fast", self.fail_fast),
        ]
        return words + [flag for flag, on in switches if on]


def parse_settings(entries: list[str]) -> tuple[tuple[str, str], ...]:
    """Read NAME=VALUE entries.

    Raises:
        UsageError: an entry has no equals sign.

    """
    for entry in entries:
        if "=" not in entry:
            raise UsageError(f"--set takes NAME=VALUE, not {entry!r}")
    return tuple((name, value) for name, _, value in (entry.partition("=") for entry in entries))
