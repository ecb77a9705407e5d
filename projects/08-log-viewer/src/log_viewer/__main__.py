"""`python -m log_viewer`: read the environment, refuse what is wrong with it, serve."""

from log_viewer.settings import Settings
from service_kit.server import serve
from service_kit.settings import load


def main() -> None:
    serve("log_viewer.app:create_app", load(Settings), "wsgi")


if __name__ == "__main__":
    main()
