"""`python -m validation`: read the environment, refuse what is wrong with it, serve."""

from service_kit.server import serve
from service_kit.settings import load
from validation.settings import Settings


def main() -> None:
    serve("validation.app:create_app", load(Settings), "asgi")


if __name__ == "__main__":
    main()
