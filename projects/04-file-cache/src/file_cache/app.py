"""All the wiring, and which error becomes which status."""

import time
from collections.abc import Callable

from flask import Flask
from prometheus_client import Counter

from file_cache import errors
from file_cache.access import READ, WRITE, Gate
from file_cache.answers import miss_status
from file_cache.bodies import DAMAGED
from file_cache.budget import Budget
from file_cache.cleaning import Cleaner
from file_cache.collapsing import Collapsing
from file_cache.entry_files import EntryFiles
from file_cache.folders import make_folders
from file_cache.groups import Groups
from file_cache.invalidation import make_invalidation
from file_cache.leases import FIELD as LEASE_FIELD
from file_cache.leases import Leases, lease_field
from file_cache.routes import TEMPLATE, AnyPath, make_api, take_in
from file_cache.service import Cache
from file_cache.settings import Settings, split
from service_kit.flask import install
from service_kit.flask_openapi import Info
from service_kit.metrics import Metrics
from service_kit.problems import ErrorRule, FieldError, on

CHALLENGES = 'Bearer realm="file-cache", Basic realm="file-cache", charset="UTF-8"'


def create_app(settings: Settings) -> Flask:
    """Put the service together, and begin to clean up."""
    files = EntryFiles(settings.data_dir)
    metrics = Metrics()
    evictions = Counter("cache_evictions", "Entries that have made room.", registry=metrics.registry)
    budget = Budget(files, settings.budget_bytes, evictions.inc)
    groups = Groups(settings.data_dir / "groups")
    leases = Leases(settings.data_dir / "leases", files.locked, settings.lease_seconds, time.time_ns)
    cache = Cache(files, groups, leases, budget, time.time_ns, lookup_counter(metrics))
    collapsing = Collapsing(cache, leases, settings.lease_seconds, settings.max_waiters)
    Cleaner(files, leases, cache.is_kept, settings.cleanup_seconds).start()
    gate = Gate(
        split(settings.read_tokens),
        split(settings.write_tokens),
        split(settings.untrusted_tokens),
        {"nothing": None, "read": READ, "write": WRITE}[settings.anonymous_may],
    )
    app = Flask("file_cache", static_folder=None)
    app.url_map.converters["path"] = AnyPath
    app.register_blueprint(
        make_api(gate, cache, collapsing, groups, settings.default_ttl_seconds, settings.max_value_bytes)
    )
    app.register_blueprint(make_folders(gate, cache))
    app.register_blueprint(make_invalidation(gate, cache))
    app.after_request(take_in)
    install(
        app,
        settings,
        readiness={"files": files.ping},
        errors=error_table(),
        info=Info("File cache"),
        service_metrics=metrics,
        own_bodies=[TEMPLATE],
    )
    return app


def lookup_counter(metrics: Metrics) -> Callable[[str], None]:
    """Count for Prometheus what became of each lookup, and the files that were damaged."""
    lookups = Counter("cache_lookups", "Lookups, by what they found.", ("found",), registry=metrics.registry)
    damaged = Counter("cache_damaged", "Files that were not as written.", registry=metrics.registry)

    def count(found: str) -> None:
        lookups.labels(found).inc()
        if found == DAMAGED:
            damaged.inc()

    return count


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(errors.InvalidKeyError, 404, "not_found", detail=lambda _: "There is no key."),
        on(errors.KeyTooLongError, 414, "key_too_long", detail=lambda _: "A key has 1024 bytes at most."),
        on(
            errors.UnauthenticatedError,
            401,
            "unauthenticated",
            headers=lambda _: {"WWW-Authenticate": CHALLENGES},
        ),
        on(errors.ForbiddenError, 403, "forbidden"),
        on(errors.InvalidFieldError, 400, "invalid_field"),
        on(errors.NoRoomError, 507, "no_room"),
        on(
            errors.InvalidGroupError,
            422,
            "invalid_input",
            title="Invalid input",
            errors=lambda error: [FieldError("invalid_group", str(error), parameter="group")],
        ),
        on(errors.DigestMismatchError, 400, "digest_mismatch"),
        on(errors.PreconditionFailedError, 412, "precondition_failed"),
        on(
            errors.UnsatisfiableRangeError,
            416,
            "range_not_satisfiable",
            title="Range Not Satisfiable",
            headers=lambda error: {"Content-Range": f"bytes */{error.size_bytes}"},
        ),
        on(
            errors.NotCachedError,
            404,
            "not_cached",
            headers=lambda error: {"Cache-Status": miss_status(error.reason)},
        ),
        on(
            errors.LeaseGrantedError,
            404,
            "not_cached",
            detail=lambda _: "It is not there: fill it.",
            headers=lambda error: {
                "Cache-Status": miss_status(error.reason),
                LEASE_FIELD: lease_field(error.token, error.ttl_seconds),
            },
        ),
        on(
            errors.FillAwaitedError,
            404,
            "not_cached",
            detail=lambda _: "It is not there yet: somebody fills it.",
            headers=lambda error: {"Cache-Status": miss_status(error.reason), "Retry-After": "1"},
        ),
        on(errors.LeaseLostError, 412, "lease_lost"),
    ]
