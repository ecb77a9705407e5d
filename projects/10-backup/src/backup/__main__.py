"""`python -m backup web` serves; `create`, `list`, `restore` and the other commands do it from here."""

import sys

from backup.commands import commands
from backup.programs import Programs
from backup.settings import Settings
from service_kit.server import serve
from service_kit.settings import EX_CONFIG, load


def main() -> None:
    if sys.argv[1:] != ["web"]:
        commands()
        return
    settings = load(Settings)
    try:
        Programs(settings.postgres_bin).version()
    except OSError as error:
        sys.stderr.write(f"settings: POSTGRES_BIN: pg_dump cannot be run: {error.strerror}\n")
        raise SystemExit(EX_CONFIG) from error
    serve("backup.app:create_app", settings, "wsgi")


if __name__ == "__main__":
    main()
