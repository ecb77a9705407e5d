"""Where uv is: what UV names, the machine's own, or the one that the Makefile fetches."""

import os
import shutil
from pathlib import Path
from typing import Final

UV_REMEDY: Final = "make .uv/bin/uv"


def uv_programs(root: Path) -> list[str]:
    """Return those that can be executed, the first choice first."""
    places = (os.environ.get("UV"), "uv", str(root / ".uv" / "bin" / "uv"))
    return [found for place in places if place and (found := shutil.which(place))]
