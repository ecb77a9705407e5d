"""All the wiring, and which error becomes which status."""

from zoneinfo import ZoneInfo

from flask import Flask

from log_viewer import errors
from log_viewer.catalog import Catalog
from log_viewer.dated_file import Library
from log_viewer.merging import MergeService
from log_viewer.opening import Opener
from log_viewer.routes import make_api
from log_viewer.service import LogService
from log_viewer.settings import Settings
from log_viewer.tail import Tail, Watcher
from log_viewer.timestamps import Clock
from service_kit.flask import install
from service_kit.flask_openapi import Info
from service_kit.flask_page import add_page
from service_kit.problems import ErrorRule, FieldError, on
from service_kit.stop import stopping


def create_app(settings: Settings) -> Flask:
    """Put the API together."""
    catalog = Catalog(settings.log_dir)
    library = Library(Clock(ZoneInfo(settings.default_tz)), settings.max_entry_bytes)
    opener = Opener(catalog, library)
    service = LogService(catalog, opener, settings.scan_bytes, settings.scan_ms / 1000)
    merges = MergeService(opener, settings.scan_bytes, settings.scan_ms / 1000)
    app = Flask("log_viewer", static_folder=None)
    watcher = Watcher(catalog, settings.max_tails, stopping.is_set)
    tail = Tail(service, watcher, settings.heartbeat_seconds)
    app.register_blueprint(make_api(service, merges, tail, stopping.is_set))
    add_page(app, "log_viewer")
    install(
        app,
        settings,
        readiness={"log_dir": catalog.ping},
        errors=error_table(),
        info=Info("Log viewer"),
    )
    return app


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(errors.UnknownStreamError, 404, "unknown_stream", detail=lambda _: "There is no such stream."),
        on(
            errors.InvalidQueryError,
            400,
            "invalid_query",
            errors=lambda error: [FieldError(error.code, str(error), parameter=error.parameter)],
        ),
        on(errors.TooManyTailsError, 503, "too_many_tails", headers=lambda _: {"Retry-After": "1"}),
        on(
            errors.TooManyBucketsError,
            422,
            "too_many_buckets",
            errors=lambda error: [FieldError("too_many_buckets", str(error), parameter="bucket_seconds")],
        ),
        on(errors.TooDisorderedError, 422, "too_disordered"),
        on(
            errors.GoneError,
            410,
            "gone",
            detail=lambda _: "What the cursor points at is in no file of the stream any more.",
        ),
    ]
