"""Projects: the resource of an organisation, from which one's own are made."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Draft:
    """What a client says of a project."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Project:
    """A project, at one of its versions."""

    id: UUID
    name: str
    description: str
    version: int
    created_at: datetime
    updated_at: datetime
