"""`python -m log_viewer`: read the environment, refuse what is wrong with it, serve."""

from log_viewer.settings import Settings
from service_kit.server import serve
from service_kit.settings import load

SPARE_THREADS = 8


def main() -> None:
    settings = load(Settings)
    # Each tail has a thread for as long as it is open, and others want to be answered too.
    threads = max(settings.web_threads, settings.max_tails + SPARE_THREADS)
    serve("log_viewer.app:create_app", settings.model_copy(update={"web_threads": threads}), "wsgi")


if __name__ == "__main__":
    main()
