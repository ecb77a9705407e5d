"""The digest of a solution's folder: whether this is what a receipt was given for."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

MOST_FILES = 10_000
MOST_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
# What is fetched, built or kept by tools, and differs where the same is built again.
_NOT_COUNTED = frozenset({"__pycache__", "bin", "build", "dist", "node_modules", "out", "target", "venv"})


def digest_of_folder(folder: Path) -> str | None:
    """Return `sha256:` and a digest of all that is written in a folder; None: it is too large, or unreadable.

    Each file counts by its path and its content, in the order of the paths' bytes: `PATH`, a zero byte,
    `SIZE`, a line break, the content. Folders whose name begins with a dot, or is one that tools build or
    fetch, are left out, and so are files that begin with a dot and whatever is no regular file.
    """
    digest = hashlib.sha256()
    left_bytes = MOST_BYTES
    try:
        for count, path in enumerate(sorted(_files(folder), key=os.fsencode)):
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                left_bytes -= size
                if left_bytes < 0 or count >= MOST_FILES:
                    return None
                digest.update(b"%s\0%d\n" % (os.fsencode(path.relative_to(folder)), size))
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
    except OSError:
        return None
    return f"sha256:{digest.hexdigest()}"


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_COUNTED and not name.startswith(".")]
        paths = (Path(root, name) for name in names if not name.startswith("."))
        yield from (path for path in paths if path.is_file() and not path.is_symlink())
