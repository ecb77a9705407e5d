"""The words of this service. Replace them by those of webhooks."""

import re
from dataclasses import dataclass
from typing import Final

NAME: Final = re.compile(r"[a-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Count:
    """How far a name was counted."""

    name: str
    value: int
