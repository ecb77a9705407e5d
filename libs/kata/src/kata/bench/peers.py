"""The environment that a bench's peers live in: never the workspace's, pinned by hash."""

import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

from kata.catalog.projects import ROOT
from kata.errors import LaunchError
from kata.system.uv import UV_REMEDY, uv_programs


class PeerEnvironment:
    """Python packages of their own in a folder below .data, as requirements.txt pins them."""

    def __init__(self, folder: Path, requirements: Path) -> None:
        self._folder = folder
        self._requirements = requirements

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self._folder / "bin/python"

    def make(self) -> None:
        """Install what the requirements ask for; what is there already is left.

        Raises:
            LaunchError: this machine has no uv.
            CalledProcessError: uv could not install them, and has said why.

        """
        uv = next(iter(uv_programs(ROOT)), None)
        if uv is None:
            raise LaunchError(f"there is no uv to install what this needs: {UV_REMEDY}")
        if not self.python.exists():
            version = ".".join(platform.python_version_tuple()[:2])
            subprocess.run([uv, "venv", "-q", "--python", version, str(self._folder)], check=True)
        target = ["--python", str(self.python), "--require-hashes", str(self._requirements)]
        subprocess.run([uv, "pip", "sync", "-q", *target], check=True)

    def versions(self, packages: Iterable[str]) -> str:
        """Return `name version, …` of these packages."""
        sites = [str(site) for site in self._folder.glob("lib/python*/site-packages")]
        found = {one.name.lower().replace("_", "-"): one.version for one in distributions(path=sites)}
        return ", ".join(f"{name} {found[name]}" for name in packages)
