"""`python -m core_backend web|worker|migrate`: read the environment, refuse what is wrong with it, run.

Each command imports what it needs and no more: a worker is back sooner after a crash.
"""

# ruff: noqa: PLC0415

import sys
from pathlib import Path

from core_backend.settings import Database, Settings, WorkerSettings
from service_kit.settings import load

EX_USAGE = 64
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def main() -> None:
    match sys.argv[1:]:
        case ["web"]:
            from service_kit.server import serve

            serve("core_backend.app:create_app", load(Settings), "asgi")
        case ["worker"]:
            from service_kit.worker import work

            work("core_backend.app:create_worker", load(WorkerSettings))
        case ["migrate"]:
            from service_kit.migrations import migrate

            migrate(str(load(Database).database_url), MIGRATIONS)
        case _:
            sys.stderr.write("usage: python -m core_backend web|worker|migrate\n")
            raise SystemExit(EX_USAGE)


if __name__ == "__main__":
    main()
