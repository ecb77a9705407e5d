"""`python -m throttler`: read the environment, refuse what is wrong with it, serve."""

import sys

from service_kit.server import serve
from service_kit.settings import EX_CONFIG, load
from throttler.errors import PoliciesFileError
from throttler.policies import load_policies
from throttler.routes import ROUTES
from throttler.settings import Settings


def main() -> None:
    settings = load(Settings)
    try:
        # Each worker reads the file again; here a mistake in it is one line, and there a traceback.
        load_policies(settings.policies_file, settings.default_policy, ROUTES)
    except PoliciesFileError as exc:
        sys.stderr.write(f"settings: POLICIES_FILE: {settings.policies_file}: {exc}\n")
        raise SystemExit(EX_CONFIG) from exc
    serve("throttler.app:create_app", settings, "wsgi")


if __name__ == "__main__":
    main()
