import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("count_queries.py")


def test_the_owners_of_a_page_come_with_it(migrated_url: str) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "DATABASE_URL": migrated_url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "a page of 7 tasks, each owner when it is touched: 8 statements",
        "a page of 7 tasks, owners with their tasks: 1 statement",
    ]
