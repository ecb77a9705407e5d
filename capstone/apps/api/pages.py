"""Pages of a list: one more is looked for than is shown, and says whether there is a next."""

from collections.abc import Callable, Sequence
from typing import Annotated
from uuid import UUID

from litestar.params import Parameter

Limit = Annotated[int, Parameter(ge=1, le=100)]


def page_of[T, I: (UUID, str)](
    found: Sequence[T], limit: int, id_of: Callable[[T], I]
) -> tuple[Sequence[T], I | None]:
    """Return what is shown, and the cursor to what is not."""
    shown = found[:limit]
    return shown, id_of(shown[-1]) if len(found) > limit else None
