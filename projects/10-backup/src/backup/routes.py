"""The HTTP surface: it translates, and decides nothing."""

from typing import Final

from flask import Blueprint, Response, request

from backup.domain import Run, Version
from backup.schemas import (
    LABEL,
    NewImport,
    NewPrune,
    NewRestore,
    NewVersion,
    PreflightAnswer,
    PruneAnswer,
    RunAnswer,
    RunList,
    RunQuery,
    VersionAnswer,
    VersionItem,
    VersionList,
    VersionQuery,
)
from backup.service import Backups
from service_kit.bearer import Operator
from service_kit.flask_openapi import Headers, Refusal, described

API: Final = "/api/v1"
LOCATION: Final[Headers] = {"Location": {"schema": {"type": "string"}, "description": "The run."}}
NO_VERSION: Final = Refusal("There is no such version.")
NO_RUN: Final = Refusal("There is no such run.")
BUSY: Final = Refusal("Another run is in progress.")
AWAY: Final = Refusal("PostgreSQL cannot be reached, or does not do what it is asked to.")
INVALID: Final = Refusal("A value is not acceptable.")


def make_api(backups: Backups, operator: Operator) -> Blueprint:
    """Make the routes of a service, all of them for the operator alone."""
    api = Blueprint("api", __name__, url_prefix=API)

    @api.before_app_request
    def ask_for_the_token() -> None:
        """Of the application, since that comes before the query and the body are looked at."""
        if request.blueprint == api.name:
            operator.check(request.headers.getlist("Authorization"))

    add_versions(api, backups)
    add_runs(api, backups)
    return api


def add_versions(api: Blueprint, backups: Backups) -> None:
    """Add the routes of what is stored."""

    @api.post("/versions")
    @described(status=202, answer="It has begun.", headers=LOCATION, refusals={409: BUSY, 422: INVALID})
    def create(body: NewVersion) -> Response:
        """Make a version of the database as it is."""
        return _begun(backups.create(body.labels))

    @api.post("/imports")
    @described(status=202, answer="It has begun.", headers=LOCATION, refusals={409: BUSY, 422: INVALID})
    def take_in(body: NewImport) -> Response:
        """Make a version of a dump in the folder `incoming`."""
        return _begun(backups.take_in(body.file, body.labels, body.taken_at))

    @api.get("/versions")
    @described(refusals={422: INVALID})
    def versions(query: VersionQuery) -> VersionList:
        """List versions, the newest first."""
        chosen = [version for version in backups.storage.versions() if _matches(version, query)]
        return VersionList(items=[VersionItem.of(version) for version in chosen[: query.limit]])

    @api.get("/versions/<version_id>")
    @described(refusals={404: NO_VERSION})
    def version(version_id: str) -> VersionAnswer:
        """Show a version and its manifest."""
        return VersionAnswer.whole(backups.storage.find(version_id))

    @api.post("/versions/<version_id>/verify")
    @described(status=202, answer="It has begun.", headers=LOCATION, refusals={404: NO_VERSION, 409: BUSY})
    def verify(version_id: str) -> Response:
        """Compare the bytes of a version with its manifest."""
        return _begun(backups.verify(version_id))

    @api.post("/versions/<version_id>/drill")
    @described(status=202, answer="It has begun.", headers=LOCATION, refusals={404: NO_VERSION, 409: BUSY})
    def drill(version_id: str) -> Response:
        """Restore a version into a scratch database, and compare what is in it."""
        return _begun(backups.drill(version_id))

    @api.put("/versions/<version_id>/pin")
    @described(refusals={404: NO_VERSION})
    def pin(version_id: str) -> VersionAnswer:
        """Keep a version whatever the retention says."""
        return VersionAnswer.whole(backups.pin(version_id, is_pinned=True))

    @api.delete("/versions/<version_id>/pin")
    @described(refusals={404: NO_VERSION})
    def unpin(version_id: str) -> VersionAnswer:
        """Let the retention have a version again."""
        return VersionAnswer.whole(backups.pin(version_id, is_pinned=False))

    @api.post("/prune")
    @described(refusals={422: INVALID})
    def prune(body: NewPrune) -> PruneAnswer:
        """Delete the versions that nothing keeps."""
        return PruneAnswer.of(backups.prune(is_dry=body.dry_run), dry_run=body.dry_run)


def add_runs(api: Blueprint, backups: Backups) -> None:
    """Add the routes of what is done."""

    @api.post("/restores")
    @described(
        status=202,
        answer="It has begun.",
        headers=LOCATION,
        refusals={
            404: NO_VERSION,
            409: Refusal("Another run is in progress, or the version cannot be restored here."),
            422: INVALID,
            503: AWAY,
        },
        others={200: "It could be done."},
    )
    def restore(body: NewRestore) -> Response:
        """Put a version in the place of the live database, or look whether that could be done."""
        if body.dry_run:
            backups.preflight(body.version_id)
            answer = PreflightAnswer(version_id=body.version_id)
            return Response(answer.model_dump_json(), content_type="application/json")
        return _begun(backups.restore(body.version_id))

    @api.post("/restores/<run_id>/undo")
    @described(
        refusals={
            404: NO_RUN,
            409: Refusal("Another run is in progress, or there is nothing to go back to."),
            503: AWAY,
        }
    )
    def undo(run_id: str) -> RunAnswer:
        """Bring the database from before a restore back."""
        return RunAnswer.of(backups.undo(run_id))

    @api.post("/versions/<version_id>/export")
    @described(
        status=202,
        answer="It has begun.",
        headers=LOCATION,
        refusals={404: NO_VERSION, 409: Refusal("Another run is in progress, or there are no good rules.")},
    )
    def export(version_id: str) -> Response:
        """Make a dump of a version for development, without what is personal."""
        return _begun(backups.export(version_id))

    @api.get("/runs")
    @described(refusals={422: INVALID})
    def runs(query: RunQuery) -> RunList:
        """List runs, the newest first."""
        return RunList(items=[RunAnswer.of(run) for run in backups.runs.recent(query.limit)])

    @api.get("/runs/<run_id>")
    @described(refusals={404: NO_RUN})
    def run(run_id: str) -> RunAnswer:
        """Show how far a run is, or how it has ended."""
        return RunAnswer.of(backups.runs.find(run_id))


def _matches(version: Version, query: VersionQuery) -> bool:
    if query.before is not None and version.id >= query.before:
        return False
    match = LABEL.fullmatch(query.label) if query.label is not None else None
    return match is None or (
        version.manifest is not None and version.manifest.labels.get(match[1]) == match[2]
    )


def _begun(run: Run) -> Response:
    answer = Response(RunAnswer.of(run).model_dump_json(), 202, content_type="application/json")
    answer.headers["Location"] = f"{API}/runs/{run.id}"
    return answer
