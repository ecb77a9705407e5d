"""What users do with resources, and administrators with users and jobs: who may do what is decided here."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from core_backend.cache import ResourceCache
from core_backend.domain import Job, JobState, Page, Resource, User
from core_backend.errors import ForbiddenError, JobNotDeadError, NotFoundError
from core_backend.repository import Repository

MOST_LISTED: Final = 100


class Resources:
    """The resources of one user, or to an administrator everybody's. What is not theirs is not there."""

    def __init__(
        self,
        repository: Repository,
        cache: ResourceCache,
        new_id: Callable[[], UUID],
        clock: Callable[[], datetime],
    ) -> None:
        self._repository = repository
        self._cache = cache
        self._new_id = new_id
        self._clock = clock

    async def create(self, user: User, title: str, content: str) -> Resource:
        now = self._clock()
        resource = Resource(self._new_id(), user.id, title, content, now, now)
        await self._repository.add_resource(resource)
        return resource

    async def read(self, user: User, resource_id: UUID) -> Resource:
        """Raises: NotFoundError."""
        resource = await self._cache.get(resource_id)
        if resource is None:
            resource = await self._repository.find_resource(resource_id)
            if resource is not None:
                await self._cache.fill(resource)
        return visible(user, resource)

    async def newest(self, user: User, after: UUID | None, limit: int) -> Page:
        owner_id = None if user.is_admin else user.id
        found = await self._repository.resources(owner_id, after, limit + 1)
        items = found[:limit]
        return Page(items, items[-1].id if len(found) > limit else None)

    async def change(self, user: User, resource_id: UUID, title: str | None, content: str | None) -> Resource:
        """Raises: NotFoundError."""
        visible(user, await self._repository.find_resource(resource_id))
        await self._cache.forget(resource_id)
        return visible(user, await self._repository.change_resource(resource_id, title, content))

    async def delete(self, user: User, resource_id: UUID) -> None:
        """Raises: NotFoundError."""
        visible(user, await self._repository.find_resource(resource_id))
        await self._cache.forget(resource_id)
        await self._repository.delete_resource(resource_id)


class Administration:
    """What it takes an administrator for. Each method raises ForbiddenError."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def users(self, user: User) -> list[User]:
        demand_admin(user)
        return await self._repository.users(MOST_LISTED)

    async def jobs(self, user: User, state: JobState) -> list[Job]:
        demand_admin(user)
        return await self._repository.jobs(state, MOST_LISTED)

    async def retry(self, user: User, job_id: UUID) -> Job:
        """Raises: NotFoundError, JobNotDeadError."""
        demand_admin(user)
        revived = await self._repository.revive_job(job_id)
        if revived is not None:
            return revived
        if await self._repository.find_job(job_id) is None:
            raise NotFoundError
        raise JobNotDeadError


def visible(user: User, resource: Resource | None) -> Resource:
    """Return what this user may know of. Raises: NotFoundError: that it exists is nobody else's business."""
    if resource is None or not (user.is_admin or resource.owner_id == user.id):
        raise NotFoundError
    return resource


def demand_admin(user: User) -> None:
    if not user.is_admin:
        raise ForbiddenError
