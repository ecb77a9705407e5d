"""`python -m file_cache`: read the environment, refuse what is wrong with it, serve."""

import sys

from file_cache.entry_files import EntryFiles
from file_cache.settings import Settings
from service_kit.server import serve
from service_kit.settings import EX_CONFIG, load


def main() -> None:
    settings = load(Settings)
    try:
        EntryFiles(settings.data_dir).close()
    except OSError as error:
        sys.stderr.write(f"settings: DATA_DIR: {settings.data_dir}: {error.strerror}\n")
        raise SystemExit(EX_CONFIG) from error
    serve(
        "file_cache.app:create_app", settings.model_copy(update={"web_threads": settings.all_threads}), "wsgi"
    )


if __name__ == "__main__":
    main()
