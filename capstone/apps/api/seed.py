"""Data to develop with: people, organisations, projects, a feature that is on. It is made once."""

import asyncio
import secrets
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

import auth
from apps.api.settings import APP_ROLE
from core.audit.checkpoints import Signer
from core.audit.domain import Action, Actor, ActorType
from core.errors import StoreUnavailableError
from core.identifiers import new_id
from core.jobs.procrastinate_queue import ProcrastinateQueue
from core.projects.actions import PUBLISH
from core.projects.domain import Draft
from core.tenancy.domain import Access, Organisation, Role
from core.unit_of_work import NOBODY, BeginUnitOfWork, Scope, unit_of_work
from core.webhooks.announcer import Announcer
from service_kit.database import Database

NAME: Final = "capstone-seed"
ORGANISATIONS: Final = {"Analytical Engines": 25, "Difference Works": 3}
"""And how many projects each has: more than a page, and less."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who can sign in."""

    email: str
    role: Role


PEOPLE: Final = tuple(
    Newcomer(f"{name}@example.com", role)
    for name, role in (("ada", Role.OWNER), ("bob", Role.ADMIN), ("cleo", Role.MEMBER))
)


def seed(url: str) -> str:
    """Make the data, and return what to sign in with: a password that was drawn just now, and is not kept."""
    return asyncio.run(_seed(url))


async def _seed(url: str) -> str:
    database = Database(url, NAME, StoreUnavailableError, session_settings={"role": APP_ROLE})
    no_tokens = auth.RefreshPolicy([bytes(32)])
    queue = ProcrastinateQueue(url, NAME, {"role": APP_ROLE})
    announcer = Announcer(
        queue, Signer(secrets.token_bytes(32)), new_id, max_attempts=1, checkpoint_entries=10**6
    )
    hasher = auth.PasswordHasher(auth.Parameters(19_456, 2))
    password = secrets.token_urlsafe(18)
    try:
        begin = partial(unit_of_work, database, no_tokens, announcer)
        people = await _people(begin, await hasher.hash(password))
        if people is None:
            return "seed: the people are there already, with the password that they were given\n"
        for name, count in ORGANISATIONS.items():
            await _organisation(begin, name, count, people)
    finally:
        hasher.close()
        await database.close()
    emails = ", ".join(one.email for one in PEOPLE)
    return f"seed: {emails} sign in with the password {password}\n"


async def _people(begin: BeginUnitOfWork, password_hash: str) -> dict[Role, UUID] | None:
    """Make the accounts, all or none."""
    ids = {one.role: new_id() for one in PEOPLE}
    async with begin(NOBODY) as uow:
        for one in PEOPLE:
            if not await uow.users.add(ids[one.role], one.email, password_hash):
                return None
        await uow.flags.set(PUBLISH, is_on=True)
        await uow.commit()
    return ids


async def _organisation(begin: BeginUnitOfWork, name: str, count: int, people: dict[Role, UUID]) -> None:
    organisation = Organisation(new_id(), name)
    owner = people[Role.OWNER]
    access = Access(organisation.id, owner, Role.OWNER)
    async with begin(Scope(organisation.id, owner)) as uow:
        await uow.organisations.add(organisation)
        for role, user_id in people.items():
            await uow.organisations.add_member(organisation.id, user_id, role)
        actor = Actor(ActorType.USER, owner)
        await uow.append(organisation.id, actor, Action.ORGANISATION_CREATED, organisation.id)
        for number in range(1, count + 1):
            draft = Draft(f"Project {number}", "")
            project = await uow.projects.add(organisation.id, new_id(), draft)
            await uow.record(access, Action.PROJECT_CREATED, project.id)
        await uow.commit()
