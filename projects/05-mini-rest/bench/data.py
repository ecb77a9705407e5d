"""100,000 tasks of one organisation, and who may ask for them."""

import hashlib
from uuid import UUID

import psycopg

from mini_rest.domain import Place

TASKS = 100_000
TOKEN = "16180339887498948482"
ORGANISATION = UUID("0198f5a0-0000-7000-8000-000000000001")
USER = UUID("0198f5a0-0000-7000-8000-000000000002")
# One every second, so that ids and moments go together, as they do when tasks are made one by one.
FILL = """
INSERT INTO tasks
    (id, organisation_id, owner_id, title, notes, status, due_at, version, created_at, updated_at, is_deleted)
SELECT uuidv7(moment - clock_timestamp()), %(organisation)s, %(user)s, 'Task ' || number,
       CASE WHEN number %% 2 = 0 THEN repeat('note ', 10) END,
       CASE WHEN number %% 3 = 0 THEN 'done' ELSE 'open' END,
       CASE WHEN number %% 4 = 0 THEN moment + interval '30 days' END, 1, moment, moment, false
FROM (SELECT number, now() - (%(tasks)s - number) * interval '1 second' AS moment
      FROM generate_series(1, %(tasks)s) AS number) AS drawn
"""


def fill(url: str) -> None:
    """Replace all that is in the database."""
    values = {"organisation": ORGANISATION, "user": USER, "tasks": TASKS}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE users, organisations, memberships, tasks, idempotency_keys")
        connection.execute(
            "INSERT INTO users (id, email, name, token_hash) VALUES (%s, 'ada@example.com', 'Ada', %s)",
            [USER, hashlib.sha256(TOKEN.encode()).digest()],
        )
        connection.execute("INSERT INTO organisations (id, name) VALUES (%s, 'Office')", [ORGANISATION])
        connection.execute("INSERT INTO memberships VALUES (%s, %s, 'USER')", [ORGANISATION, USER])
        connection.execute(FILL, values)
        connection.execute("VACUUM ANALYZE tasks")


def some_ids(url: str, count: int) -> list[UUID]:
    """Return the ids of tasks from all over the table."""
    with psycopg.connect(url) as connection:
        query = "SELECT id FROM tasks ORDER BY md5(id::text) LIMIT %s"
        return [row[0] for row in connection.execute(query, [count])]


def place_at(url: str, offset: int) -> Place:
    """Return the place behind so many tasks, the newest first."""
    query = "SELECT created_at, id FROM tasks ORDER BY created_at DESC, id DESC OFFSET %s LIMIT 1"
    with psycopg.connect(url) as connection:
        row = connection.execute(query, [offset - 1]).fetchone()
    if row is None:
        raise SystemExit(f"there are fewer than {offset} tasks")
    return Place(row[0], row[1], is_backward=False)
