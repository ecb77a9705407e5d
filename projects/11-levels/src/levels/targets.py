"""Which folders may be judged: a run starts what their Procfile says."""

import asyncio
import os
from pathlib import Path
from typing import Final

from levels.errors import InvalidRunError

LONGEST_PATH: Final = 4096


class Targets:
    """Finds the folder that a learner names."""

    def __init__(self, root: Path, *, is_class: bool) -> None:
        self._root = root
        self._is_class = is_class

    async def find(self, named: str, learner: str) -> str:
        """Return the one real path of a folder, whatever links lead to it.

        Raises: InvalidRunError.
        """
        return await asyncio.to_thread(self._find, named, learner)

    def _find(self, named: str, learner: str) -> str:
        if not named.startswith("/"):
            raise InvalidRunError("dir", "not_absolute", "is not an absolute path")
        try:
            root = os.path.realpath(self._root / learner if self._is_class else self._root)
            path = Path(named).resolve(strict=True)
            has_procfile = (path / "Procfile").is_file()
            str(path).encode()  # a link can lead to a name that is no text
        except (OSError, ValueError):
            raise InvalidRunError("dir", "no_folder", "is no folder that can be read") from None
        # Before all else is said of it: what lies outside is not even known to be there.
        if not path.is_relative_to(root):
            raise InvalidRunError("dir", "no_folder", "is no folder that can be read")
        if not path.is_dir():
            raise InvalidRunError("dir", "no_folder", "is no folder that can be read")
        if not has_procfile:
            raise InvalidRunError("dir", "no_procfile", "has no Procfile, and so is no solution")
        return str(path)
