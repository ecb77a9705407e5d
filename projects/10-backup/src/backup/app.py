"""All the wiring, and which error becomes which status."""

from datetime import UTC, datetime

from flask import Flask
from prometheus_client import Gauge

from backup import errors
from backup.archives import Archives
from backup.bucket import Access, Bucket
from backup.creating import Creator
from backup.database import Server
from backup.dumping import Dump
from backup.encryption import Encryption
from backup.exporting import Exporter
from backup.ports import Storage
from backup.programs import Programs
from backup.restoring import Restorer
from backup.retention import Policy
from backup.routes import make_api
from backup.runs import Runs
from backup.s3_storage import S3Storage
from backup.scheduling import Scheduler
from backup.service import Backups
from backup.settings import Settings, StoreSettings
from backup.storage import FolderStorage
from backup.switching import Switch
from service_kit.bearer import Operator, UnauthenticatedError, challenge
from service_kit.flask import install
from service_kit.flask_openapi import Info
from service_kit.flask_page import add_page
from service_kit.metrics import Metrics
from service_kit.problems import ErrorRule, FieldError, on

# Source: RFC 6750, section 3.1.


def now() -> datetime:
    return datetime.now(UTC)


def create_backups(settings: StoreSettings) -> Backups:
    """Put together what the API and the commands share; nothing is connected to yet."""
    server = Server(str(settings.database_url), settings.silence_seconds)
    storage = create_storage(settings, server.database)
    encryption = Encryption(settings.age_recipient, settings.age_identity_file)
    archives = Archives(Programs(settings.postgres_bin), encryption)
    runs = Runs(storage.folder, now)
    restorer = Restorer(server, archives)
    dump = Dump(archives.programs, server, settings.lock_wait_seconds, settings.compression_level)
    key = settings.export_key.get_secret_value() if settings.export_key else None
    return Backups(
        storage,
        runs,
        Creator(storage, server, archives, settings.lock_wait_seconds, settings.compression_level),
        restorer,
        Exporter(restorer, dump, storage.folder, settings.export_rules_file, key),
        Switch(server, runs, storage.folder, settings.undo_seconds, now),
        Policy(settings.keep_last, settings.keep_daily, settings.keep_weekly, settings.keep_monthly),
        now,
    )


def create_storage(settings: StoreSettings, database: str) -> Storage:
    """Have the versions in the bucket, or else in the folder."""
    local = FolderStorage(settings.data_dir, database, settings.storage_limit_bytes)
    if settings.storage_url is None:
        return local
    key_id, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    if key_id is None or secret is None:
        raise AssertionError("the settings have keys where they have a bucket")
    bucket, _, prefix = settings.storage_url.removeprefix("s3://").partition("/")
    endpoint = str(settings.aws_endpoint_url).rstrip("/") if settings.aws_endpoint_url else None
    access = Access(
        bucket, prefix.strip("/"), endpoint, settings.aws_region, key_id, secret.get_secret_value()
    )
    return S3Storage(Bucket(access), local, settings.storage_limit_bytes)


def create_app(settings: Settings) -> Flask:
    """Put the API together, and begin to look at the clock."""
    backups = create_backups(settings)
    backups.storage.prepare()
    metrics = Metrics()
    age = Gauge(
        "backup_last_verified_age_seconds",
        "How long ago a version that is still here was proven by a restore; infinite if none was.",
        registry=metrics.registry,
        multiprocess_mode="mostrecent",
    )
    Scheduler(backups, settings.backup_every_seconds, settings.drill_every_seconds, age).start()
    app = Flask("backup", static_folder=None)
    app.register_blueprint(make_api(backups, Operator(settings.operator_token.get_secret_value())))
    add_page(app, "backup")
    install(
        app,
        settings,
        readiness={"postgres": backups.creator.server.ping, "storage": backups.storage.ping},
        errors=error_table(),
        info=Info("Backup"),
        service_metrics=metrics,
    )
    return app


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(UnauthenticatedError, 401, "unauthenticated", headers=challenge("backup")),
        on(errors.UnknownVersionError, 404, "unknown_version"),
        on(errors.UnknownRunError, 404, "unknown_run"),
        on(
            errors.RunInProgressError,
            409,
            "run_in_progress",
            extensions=lambda error: {"run_id": error.run_id},
        ),
        on(
            errors.PreflightError,
            409,
            "preflight_failed",
            errors=lambda error: [FieldError(code, detail) for code, detail in error.obstacles],
        ),
        on(errors.CannotUndoError, 409, "cannot_undo"),
        on(
            errors.UnknownFileError,
            422,
            "invalid_input",
            title="Invalid input",
            errors=lambda error: [FieldError("unknown_file", str(error), pointer="#/file")],
        ),
        *(
            on(error, 503, error.code)
            for error in (
                errors.ConnectionFailedError,
                errors.AuthenticationFailedError,
                errors.StorageFailedError,
                errors.SwapFailedError,
            )
        ),
    ]
