"""Projects and their actions over HTTP."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from apps.api.access import Allowed, needs
from apps.api.answers import JobAnswer, ProjectAnswer, ProjectsAnswer
from apps.api.cached import AnswerCache, Tagged
from apps.api.once import answered, once
from apps.api.pages import Limit, page_of
from apps.api.reads import Reads
from apps.api.routes.jobs import job_answer
from apps.api.schemas import NewAction, NewProject, ProjectChanges
from auth.litestar import AuthRequest
from core.errors import InvalidValueError
from core.idempotency.domain import Answer
from core.jobs.domain import Job
from core.projects.actions import ActionService
from core.projects.domain import Draft, Project
from core.projects.service import ProjectService
from core.tenancy.domain import Permission

Projects = NamedDependency[ProjectService]
NDJSON: Final = "application/x-ndjson"
Actions = NamedDependency[ActionService]


def project_answer(project: Project) -> ProjectAnswer:
    return ProjectAnswer.model_validate(project, from_attributes=True)


def tagged(project: Project, status: int = 200) -> Response[ProjectAnswer]:
    return Response(project_answer(project), status_code=status, headers={"etag": f'"{project.version}"'})


def seen_version(header: str | None) -> int | None:
    """Read If-Match: a version as we tag it, `*` or nothing. Raises: InvalidValueError."""
    if header is None or header.strip() == "*":
        return None
    text = header.strip().removeprefix('"').removesuffix('"')
    if not text.isascii() or not text.isdigit():
        raise InvalidValueError("If-Match", "invalid_etag", "is no entity tag of a project")
    return int(text)


@post("/projects", opt=needs(Permission.CHANGE_PROJECTS))
async def create(
    request: AuthRequest, access: Allowed, data: JSONBody[NewProject], projects: Projects
) -> Response[ProjectAnswer]:
    """Make a project, once for each Idempotency-Key."""

    def answer_of(project: Project) -> Answer:
        return answered(project_answer(project), 201, etag=f'"{project.version}"')

    draft = Draft(data.name, data.description)
    return tagged(await projects.create(access, draft, once(request, data, answer_of)), 201)


@get("/projects", opt=needs(Permission.READ_PROJECTS))
async def listing(
    request: AuthRequest,
    access: Allowed,
    projects: Projects,
    cached: AnswerCache,
    reads: Reads,
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> Response[ProjectsAnswer]:
    """List projects, the oldest first: a page counts as many reads as it may have."""
    await reads.spend(access, limit)

    async def read() -> Tagged[ProjectsAnswer]:
        found = await projects.page(access, cursor, limit)
        shown, next_cursor = page_of(found, limit, lambda one: one.id)
        return Tagged(ProjectsAnswer(items=[project_answer(one) for one in shown], next_cursor=next_cursor))

    return await cached.answer(request, access, read)


@get("/projects/{project_id:uuid}", opt=needs(Permission.READ_PROJECTS))
async def show(
    request: AuthRequest,
    access: Allowed,
    project_id: FromPath[UUID],
    projects: Projects,
    cached: AnswerCache,
    reads: Reads,
) -> Response[ProjectAnswer]:
    """Show a project."""
    await reads.spend(access)

    async def read() -> Tagged[ProjectAnswer]:
        project = await projects.find(access, project_id)
        return Tagged(project_answer(project), f'"{project.version}"')

    return await cached.answer(request, access, read)


@patch("/projects/{project_id:uuid}", opt=needs(Permission.CHANGE_PROJECTS))
async def change(
    request: AuthRequest,
    access: Allowed,
    project_id: FromPath[UUID],
    data: JSONBody[ProjectChanges],
    projects: Projects,
) -> Response[ProjectAnswer]:
    """Change a project, if it is as the caller has seen it."""

    def changed(project: Project) -> Draft:
        return Draft(
            project.name if data.name is None else data.name,
            project.description if data.description is None else data.description,
        )

    version = seen_version(request.headers.get("if-match"))
    return tagged(await projects.change(access, project_id, version, changed))


@delete("/projects/{project_id:uuid}", opt=needs(Permission.CHANGE_PROJECTS))
async def remove(access: Allowed, project_id: FromPath[UUID], projects: Projects) -> None:
    """Delete a project."""
    await projects.delete(access, project_id)


@post(
    "/projects/{project_id:uuid}/actions/{name:str}", status_code=202, opt=needs(Permission.CHANGE_PROJECTS)
)
async def act(
    request: AuthRequest,
    access: Allowed,
    project_id: FromPath[UUID],
    name: FromPath[str],
    data: JSONBody[NewAction],
    actions: Actions,
) -> Response[JobAnswer]:
    """Trigger an action: its job is queued, once for each Idempotency-Key, and can be asked for."""

    def place(job: Job) -> str:
        return f"/api/v1/organisations/{access.tenant_id}/jobs/{job.id}"

    def answer_of(job: Job) -> Answer:
        return answered(job_answer(job), 202, location=place(job))

    keyed = once(request, data, answer_of)
    job = await actions.trigger(access, project_id, name, data.destination, keyed)
    return Response(job_answer(job), status_code=202, headers={"location": place(job)})


@get("/exports/projects", opt=needs(Permission.READ_PROJECTS), media_type=NDJSON)
async def export(access: Allowed, projects: Projects, reads: Reads) -> Stream:
    """Hand all projects over, one on each line."""
    await reads.export(access)

    async def lines() -> AsyncIterator[str]:
        async for project in projects.all(access):
            yield project_answer(project).model_dump_json() + "\n"

    return Stream(lines(), media_type=NDJSON)


OF_ONE = [export, create, listing, show, change, remove, act]
