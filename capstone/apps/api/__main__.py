"""`python -m apps.api web|migrate`: read the environment, refuse what is wrong with it, run.

Server and migrations are imported when they are used: a start that is refused needs neither.
"""

# ruff: noqa: PLC0415

import sys
from pathlib import Path

from apps.api.settings import ApiSettings, Stores
from service_kit.settings import load

EX_USAGE = 64
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def main() -> None:
    match sys.argv[1:]:
        case ["web"]:
            settings = load(ApiSettings)
            from service_kit.server import serve

            serve("apps.api.app:create_app", settings, "asgi")
        case ["migrate"]:
            stores = load(Stores)
            from service_kit.migrations import migrate

            migrate(str(stores.database_url), MIGRATIONS)
        case _:
            sys.stderr.write("usage: python -m apps.api web|migrate\n")
            raise SystemExit(EX_USAGE)


if __name__ == "__main__":
    main()
