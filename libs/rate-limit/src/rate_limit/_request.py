"""A request, as rules and refusals see it."""

from typing import Protocol


class RequestView(Protocol):
    """What a rule may look at."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str:
        """Decoded, as the application sees it."""
        ...

    @property
    def peer(self) -> str:
        """The address that the connection comes from."""
        ...

    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name; several of one name are joined by commas."""
        ...
