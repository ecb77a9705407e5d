"""`python -m core_backend web|worker|migrate`: read the environment, refuse what is wrong with it, run."""

import sys
from pathlib import Path

from core_backend.settings import Database, Settings, WorkerSettings
from service_kit.migrations import migrate
from service_kit.server import serve
from service_kit.settings import load
from service_kit.worker import work

EX_USAGE = 64
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def main() -> None:
    match sys.argv[1:]:
        case ["web"]:
            serve("core_backend.app:create_app", load(Settings), "asgi")
        case ["worker"]:
            work("core_backend.app:create_worker", load(WorkerSettings))
        case ["migrate"]:
            migrate(str(load(Database).database_url), MIGRATIONS)
        case _:
            sys.stderr.write("usage: python -m core_backend web|worker|migrate\n")
            raise SystemExit(EX_USAGE)


if __name__ == "__main__":
    main()
