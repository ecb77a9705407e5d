"""lnav from its Debian package, extracted beside the other data and not installed."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

_HISTOGRAM: Final = (
    ";SELECT timeslice(log_time, '1m') AS start, log_level, count(*) AS n FROM all_logs GROUP BY 1, 2"
)


class Lnav:
    """Counts a log by minute and level."""

    def __init__(self, command: Path, home: Path) -> None:
        self._command = command
        self._home = home

    @property
    def version(self) -> str:
        return self._run("-V").strip()

    def histogram(self, log: Path) -> int:
        """Return how many entries it has counted."""
        rows = self._run("-n", "-c", _HISTOGRAM, "-c", ":write-csv-to -", str(log)).splitlines()
        return sum(int(row.rpartition(",")[2]) for row in rows if row[:2] == "20" and row.count(",") == 2)

    def _run(self, *arguments: str) -> str:
        self._home.mkdir(parents=True, exist_ok=True)
        environment = {"HOME": str(self._home), "TERM": "xterm", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        run = subprocess.run(
            [str(self._command), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout


def find_lnav(folder: Path) -> Lnav | None:
    """Take the one that is installed, or Debian's package of it; None where there is neither."""
    folder.mkdir(parents=True, exist_ok=True)
    command = shutil.which("lnav")
    if command is None and shutil.which("apt-get") and not (folder / "usr").exists():
        subprocess.run(["apt-get", "-qq", "download", "lnav"], cwd=folder, capture_output=True, check=False)
        for package in folder.glob("lnav_*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
    found = Path(command) if command else folder / "usr" / "bin" / "lnav"
    return Lnav(found, folder / "home") if found.exists() else None
