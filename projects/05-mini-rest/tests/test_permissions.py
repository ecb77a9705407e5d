from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from mini_rest.domain import Actor, Owner, Role, Status, Task
from mini_rest.permissions import OF_ROLE, Permission, may, may_change

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def task_of(owner_id: UUID) -> Task:
    return Task(uuid4(), "x", None, Status.OPEN, None, Owner(owner_id, "Ada"), 1, NOW, NOW, is_deleted=False)


@pytest.mark.parametrize("role", Role)
def test_no_role_may_do_what_is_the_operators(role: Role) -> None:
    assert role in OF_ROLE
    assert not may(role, Permission.OPERATE)


@pytest.mark.parametrize(
    ("role", "is_own", "allowed"),
    [(Role.USER, True, True), (Role.USER, False, False), (Role.ADMIN, True, True), (Role.ADMIN, False, True)],
)
def test_a_task_is_changed_by_its_owner_or_an_administrator(role: Role, is_own: bool, allowed: bool) -> None:
    user_id = uuid4()
    actor = Actor(user_id, uuid4(), role)
    assert may_change(actor, task_of(user_id if is_own else uuid4())) == allowed
