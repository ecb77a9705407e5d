"""`python -m apps.api web` or `migrate`: read the environment, refuse what is wrong with it, run.

Server and migrations are imported when they are used: a start that is refused needs neither.
"""

# ruff: noqa: PLC0415

import sys
from pathlib import Path

from apps.api.settings import ApiSettings, ReleaseSettings
from apps.starts import refuse
from core.environment import WrongEnvironmentError, check, claim
from service_kit.settings import load

EX_USAGE = 64
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
LOCK_TIMEOUT_SECONDS = 0.5
"""A migration that waits for a table keeps requests waiting behind it, which give up after 1.5 s."""


def main() -> None:
    match sys.argv[1:]:
        case ["web"]:
            settings = load(ApiSettings)
            try:
                check(str(settings.database_url), settings.environment)
            except WrongEnvironmentError as error:
                refuse(error)
            from service_kit.server import serve

            serve("apps.api.app:create_app", settings, "asgi", drain_seconds=settings.drain_seconds)
        case ["migrate"]:
            release(load(ReleaseSettings))
        case ["migrate", revision]:
            from service_kit.migrations import migrate

            url = str(load(ReleaseSettings).database_url)
            migrate(url, MIGRATIONS, revision, lock_timeout_seconds=LOCK_TIMEOUT_SECONDS)
        case _:
            sys.stderr.write("usage: python -m apps.api web | migrate [revision to go back to]\n")
            raise SystemExit(EX_USAGE)


def release(settings: ReleaseSettings) -> None:
    """Bring the tables to where the migrations end, in a database of this environment and no other."""
    from service_kit.migrations import migrate

    url = str(settings.database_url)
    try:
        check(url, settings.environment)
        migrate(url, MIGRATIONS, lock_timeout_seconds=LOCK_TIMEOUT_SECONDS)
        claim(url, settings.environment)
    except WrongEnvironmentError as error:
        refuse(error)
    if settings.seed:
        from apps.api.seed import seed

        sys.stdout.write(seed(url))


if __name__ == "__main__":
    main()
