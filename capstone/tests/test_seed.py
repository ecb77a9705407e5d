import re
from pathlib import Path

import psycopg

from apps.api.seed import ORGANISATIONS, PEOPLE, seed
from service_kit.migrations import migrate

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def test_data_to_develop_with_is_made_once_and_its_password_is_drawn(postgres_url: str) -> None:
    migrate(postgres_url, MIGRATIONS)
    first, second = seed(postgres_url), seed(postgres_url)
    assert re.search(r"the password \S{24}$", first)
    assert "already" in second
    with psycopg.connect(postgres_url) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in ("users", "organisations", "projects", "audit_entries")
        ]
    projects = sum(ORGANISATIONS.values())
    wanted = [len(PEOPLE), len(ORGANISATIONS), projects, projects + len(ORGANISATIONS)]
    assert [count[0] for count in counts if count] == wanted
