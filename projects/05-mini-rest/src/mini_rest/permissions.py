"""Who may do what. What stands nowhere here nobody may do."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from mini_rest.domain import Actor, Role, Task


class Permission(StrEnum):
    """What a route asks for."""

    PUBLIC = "public"
    OPERATE = "operate"
    """To make users and organisations, and say who belongs where: whoever runs the service."""
    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    CHANGE_OTHERS = "change_others"


OF_ROLE: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.USER: frozenset({Permission.READ, Permission.CREATE, Permission.CHANGE}),
        Role.ADMIN: frozenset(
            {Permission.READ, Permission.CREATE, Permission.CHANGE, Permission.CHANGE_OTHERS}
        ),
    }
)


def may(role: Role, permission: Permission) -> bool:
    return permission in OF_ROLE[role]


def may_change(actor: Actor, task: Task) -> bool:
    """Say whether this task is the actor's own, or the actor may change others' too."""
    return task.owner.id == actor.user_id or may(actor.role, Permission.CHANGE_OTHERS)
