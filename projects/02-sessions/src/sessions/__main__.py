"""`python -m sessions web|migrate`: read the environment, refuse what is wrong with it, run."""

import sys
from pathlib import Path

from service_kit.migrations import migrate
from service_kit.server import serve
from service_kit.settings import load
from sessions.settings import Settings, Stores

EX_USAGE = 64
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def main() -> None:
    match sys.argv[1:]:
        case ["web"]:
            serve("sessions.app:create_app", load(Settings), "asgi")
        case ["migrate"]:
            migrate(str(load(Stores).database_url), MIGRATIONS)
        case _:
            sys.stderr.write("usage: python -m sessions web|migrate\n")
            raise SystemExit(EX_USAGE)


if __name__ == "__main__":
    main()
