"""Show the N+1 of step 6, and its mending, by counting what is sent to the database of DATABASE_URL."""

import os
import sys
from uuid import UUID, uuid4

from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session, joinedload, lazyload
from sqlalchemy.sql.base import ExecutableOption

from mini_rest.tables import OrganisationRow, TaskRow, UserRow
from service_kit.database import driver_url

OWNERS = 7


def add_tasks(session: Session) -> UUID:
    """Make an organisation with a task of each of several users; nothing of it is ever committed."""
    organisation = OrganisationRow(id=uuid4(), name="N+1")
    users = [
        UserRow(id=uuid4(), email=f"{uuid4()}", name="x", token_hash=uuid4().bytes) for _ in range(OWNERS)
    ]
    session.add_all([organisation, *users])
    session.flush()
    session.add_all(
        TaskRow(id=uuid4(), organisation_id=organisation.id, owner_id=user.id, title="x", status="open")
        for user in users
    )
    session.flush()
    session.expunge_all()
    return organisation.id


def count(session: Session, organisation_id: UUID, option: ExecutableOption) -> int:
    """Read a page with the names of its owners, and return how many statements that took."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    page = session.scalars(
        select(TaskRow).where(TaskRow.organisation_id == organisation_id).options(option)
    ).all()
    names = [task.owner.name for task in page]
    event.remove(engine, "before_cursor_execute", note)
    session.expunge_all()
    if len(names) != OWNERS:
        raise AssertionError(names)
    return len(sent)


def main() -> None:
    engine = create_engine(driver_url(os.environ["DATABASE_URL"]))
    ways = {
        "each owner when it is touched": lazyload(TaskRow.owner),
        "owners with their tasks": joinedload(TaskRow.owner),
    }
    with Session(engine) as session:
        organisation_id = add_tasks(session)
        for way, option in ways.items():
            statements = count(session, organisation_id, option)
            plural = "" if statements == 1 else "s"
            sys.stdout.write(f"a page of {OWNERS} tasks, {way}: {statements} statement{plural}\n")
    engine.dispose()


if __name__ == "__main__":
    main()
