"""Exchanges two files in one step, which Python has no function for.

A rename over another file is as atomic. But then ext4 first writes the new one out, lest a crash leave an
empty file in place of a good one, and that takes most of the time of a PUT. An entry needs no such care: its
checksums tell that it is torn, and it is a miss.
Source: renameat2(2); ext4(5), auto_da_alloc.
"""

import ctypes
import os
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_RENAMEAT2: Final = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # musl has none


def exchange(one: str | Path, other: str | Path) -> bool:
    """Give each the name of the other; False if that cannot be, as where one is not there."""
    return (
        _RENAMEAT2 is not None
        and _RENAMEAT2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0
    )
