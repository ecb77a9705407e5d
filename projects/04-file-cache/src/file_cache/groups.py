"""Groups of entries, each invalidated in one step however many are in it. Source: RFC 9875.

A group has a generation, and an entry keeps those of its groups. To invalidate is to give the group another
generation: no entry is touched, and each that has an older one is a miss from then on. An entry has the
generations of when its upload began, so that what was made of old data does not outlive the invalidation
that it has met.
"""

import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import http_sf

from file_cache.errors import InvalidFieldError, InvalidGroupError

FIELD: Final = "Cache-Groups"
MOST_GROUPS: Final = 32
LONGEST_GROUP: Final = 128
NEVER: Final = ""


class Groups:
    """The generations, a file for each group that was ever invalidated."""

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises: OSError."""
        self._folder = folder
        folder.mkdir(exist_ok=True, mode=0o700)

    def generations(self, names: tuple[str, ...]) -> dict[str, str]:
        """Return the generation of each as it is now."""
        return {name: self._generation(name) for name in names}

    def are_current(self, generations: Mapping[str, str]) -> bool:
        """Say whether none of these groups was invalidated since."""
        return all(self._generation(name) == generation for name, generation in generations.items())

    def invalidate(self, name: str) -> None:
        """Give a group a generation that it never had."""
        path = self._path(name)
        beside = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, os.urandom(8).hex().encode())
        finally:
            os.close(descriptor)
        beside.rename(path)

    def _generation(self, name: str) -> str:
        try:
            return self._path(name).read_text()
        except FileNotFoundError:
            return NEVER

    def _path(self, name: str) -> Path:
        return self._folder / sha256(name.encode()).hexdigest()


def groups_of(header: str | None) -> tuple[str, ...]:
    """Read Cache-Groups, a list of strings whose parameters mean nothing here. Raises: InvalidFieldError."""
    if not header:
        return ()
    try:
        parsed = http_sf.parse(header.encode(), tltype="list")
    except ValueError as error:
        raise InvalidFieldError(FIELD, "it is no list of strings.") from error
    members = parsed if isinstance(parsed, list) else []
    names = [member[0] if isinstance(member, tuple) else member for member in members]
    found = tuple(dict.fromkeys(name for name in names if type(name) is str))
    if any(type(name) is not str for name in names) or len(found) > MOST_GROUPS:
        raise InvalidFieldError(FIELD, f"it is a list of {MOST_GROUPS} strings at most.")
    if any(not 0 < len(name) <= LONGEST_GROUP for name in found):
        raise InvalidFieldError(FIELD, f"a group has 1 to {LONGEST_GROUP} characters.")
    return found


def check_group(name: str) -> None:
    """Let a name pass that a group can have. Raises: InvalidGroupError."""
    if not 0 < len(name) <= LONGEST_GROUP or not name.isascii() or not name.isprintable():
        raise InvalidGroupError


def groups_field(names: Iterable[str]) -> str:
    """Write the value of Cache-Groups, or of Cache-Group-Invalidation."""
    return http_sf.ser([(name, {}) for name in names])
