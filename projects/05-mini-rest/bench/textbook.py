"""The same tasks as the tutorials of FastAPI and SQLAlchemy write them: `def` routes, a session a request.

It works on the service's own tables. Lists go by OFFSET and have no total, as in FastAPI's tutorial; owners
come by a join, in the same query. Errors are FastAPI's, and nothing is logged.
"""
# mypy: disable-error-code="import-not-found,untyped-decorator,misc"
# Because the peer has an environment of its own.

import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ForeignKey, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    token_hash: Mapped[bytes]


class Membership(Base):
    __tablename__ = "memberships"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str]


class Task(Base):
    __tablename__ = "tasks"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str]
    notes: Mapped[str | None]
    status: Mapped[str]
    due_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    is_deleted: Mapped[bool] = mapped_column(default=False)
    owner: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class OwnerPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str


class TaskPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    notes: str | None
    status: str
    due_at: datetime | None
    owner: OwnerPublic
    created_at: datetime
    updated_at: datetime


class TasksPublic(BaseModel):
    items: list[TaskPublic]


class TaskCreate(BaseModel):
    title: Annotated[str, Field(min_length=1, max_length=200)]
    notes: Annotated[str | None, Field(max_length=10_000)] = None
    status: Annotated[str, Field(pattern="^(open|done)$")] = "open"
    due_at: datetime | None = None


engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
bearer = HTTPBearer()
router = APIRouter(prefix="/api/v1/organisations/{organisation_id}/tasks")


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]


def get_current_user(
    session: SessionDep, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]
) -> User:
    token_hash = hashlib.sha256(credentials.credentials.encode()).digest()
    user = session.scalars(select(User).where(User.token_hash == token_hash)).one_or_none()
    if user is None:
        raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


def get_membership(organisation_id: UUID, session: SessionDep, user: CurrentUser) -> Membership:
    membership = session.get(Membership, (organisation_id, user.id))
    if membership is None:
        raise HTTPException(404, "Not Found")
    return membership


CurrentMembership = Annotated[Membership, Depends(get_membership)]


@router.post("", status_code=201, response_model=TaskPublic)
def create_task(
    data: TaskCreate, session: SessionDep, membership: CurrentMembership, user: CurrentUser
) -> Task:
    task = Task(organisation_id=membership.organisation_id, owner_id=user.id, **data.model_dump())
    session.add(task)
    session.commit()
    session.refresh(task)
    return task


@router.get("", response_model=TasksPublic)
def read_tasks(
    session: SessionDep,
    membership: CurrentMembership,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Sequence[Task]]:
    query = (
        select(Task)
        .where(Task.organisation_id == membership.organisation_id, ~Task.is_deleted)
        .order_by(Task.created_at.desc(), Task.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return {"items": session.scalars(query).all()}


@router.get("/{task_id}", response_model=TaskPublic)
def read_task(task_id: UUID, session: SessionDep, membership: CurrentMembership) -> Task:
    task = session.get(Task, task_id)
    if task is None or task.is_deleted or task.organisation_id != membership.organisation_id:
        raise HTTPException(404, "Not Found")
    return task


app = FastAPI()
app.include_router(router)
