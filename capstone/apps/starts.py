"""How a start is refused that its settings alone cannot refuse."""

import sys
from typing import NoReturn

from service_kit.settings import EX_CONFIG


def refuse(reason: Exception) -> NoReturn:
    """Say why in one line, and end."""
    sys.stderr.write(f"settings: {reason}\n")
    raise SystemExit(EX_CONFIG)
