"""The verbs of tasks on a real database."""

from datetime import timedelta
from functools import partial

import pytest

from mini_rest.app import new_id
from mini_rest.domain import Actor, Draft, Expected, KeyUse, Listing, Role, Sort
from mini_rest.errors import (
    ForbiddenError,
    KeyInUseError,
    NotFoundError,
    PreconditionRequiredError,
    StaleVersionError,
)
from mini_rest.repository import unit_of_work
from mini_rest.service import TaskRules, TaskService
from service_kit.database import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
def tasks(database: Database) -> TaskService:
    return TaskService(
        partial(unit_of_work, database),
        partial(unit_of_work, database, autocommit=True),
        TaskRules(50, timedelta(seconds=60)),
        new_id,
    )


async def test_a_key_that_is_being_used_is_refused_at_once(
    database: Database, tasks: TaskService, actor: Actor
) -> None:
    use = KeyUse(actor.user_id, "POST /tasks", "k")
    async with unit_of_work(database) as other:
        await other.take_key(use, b"x")
        with pytest.raises(KeyInUseError):
            await tasks.create(actor, Draft("tea"), use)
    assert await tasks.create(actor, Draft("tea"), use) == await tasks.create(actor, Draft("tea"), use)


async def test_a_change_is_meant_for_a_version(tasks: TaskService, actor: Actor) -> None:
    task = await tasks.create(actor, Draft("tea"), None)
    with pytest.raises(PreconditionRequiredError):
        await tasks.change(actor, task.id, None, {"title": "x"})
    changed = await tasks.change(actor, task.id, Expected(frozenset({task.version})), {"title": "x"})
    assert changed.version == task.version + 1
    with pytest.raises(StaleVersionError):
        await tasks.change(actor, task.id, Expected(frozenset({task.version})), {"title": "y"})
    same = await tasks.change(actor, task.id, Expected(None), {})
    assert same == changed


async def test_a_task_is_changed_by_nobody_else_and_in_no_other_organisation(
    tasks: TaskService, actor: Actor
) -> None:
    task = await tasks.create(actor, Draft("tea"), None)
    with pytest.raises(ForbiddenError):
        await tasks.delete(Actor(new_id(), actor.organisation_id, Role.USER), task.id, Expected(None))
    with pytest.raises(NotFoundError):
        await tasks.delete(Actor(actor.user_id, new_id(), Role.ADMIN), task.id, Expected(None))


@pytest.mark.parametrize("sort", Sort)
async def test_a_walk_there_and_back_meets_each_task_once(
    tasks: TaskService, actor: Actor, sort: Sort
) -> None:
    made = [await tasks.create(actor, Draft(f"{number}"), None) for number in range(7)]
    page = await tasks.page(actor, Listing(sort=sort, limit=3))
    there = list(page.tasks)
    while page.next is not None:
        page = await tasks.page(actor, Listing(sort=sort, limit=3, place=page.next))
        there += page.tasks
    assert sorted(task.id for task in there) == sorted(task.id for task in made)
    back = list(page.tasks)
    while page.previous is not None:
        page = await tasks.page(actor, Listing(sort=sort, limit=3, place=page.previous))
        back = [*page.tasks, *back]
    assert back == there
