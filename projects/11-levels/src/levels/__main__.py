"""`python -m levels web|worker|migrate`: read the environment, refuse what is wrong with it, run.

Each command imports what it needs and no more: a worker is back sooner after a crash.
"""

# ruff: noqa: PLC0415

import sys
from pathlib import Path

from levels.settings import ReleaseSettings, WebSettings, WorkerSettings
from service_kit.settings import load

EX_USAGE = 64
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def main() -> None:
    match sys.argv[1:]:
        case ["web"]:
            from service_kit.server import serve

            serve("levels.app:create_app", load(WebSettings), "asgi")
        case ["worker"]:
            from service_kit.worker import work

            work("levels.app:create_worker", load(WorkerSettings))
        case ["migrate"]:
            from levels.receipts import make_key_file
            from service_kit.migrations import migrate

            settings = load(ReleaseSettings)
            migrate(str(settings.database_url), MIGRATIONS)
            if settings.signing_key_file is not None and settings.operator_token is None:
                make_key_file(settings.signing_key_file)
        case _:
            sys.stderr.write("usage: python -m levels web|worker|migrate\n")
            raise SystemExit(EX_USAGE)


if __name__ == "__main__":
    main()
