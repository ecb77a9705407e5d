"""Projects and their actions over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, Parameter

from apps.api.access import Allowed, needs
from apps.api.routes.jobs import job_answer
from apps.api.schemas import JobAnswer, NewAction, NewProject, ProjectAnswer, ProjectChanges, ProjectsAnswer
from auth.litestar import AuthRequest
from core.errors import InvalidValueError
from core.projects.actions import ActionService
from core.projects.domain import Draft, Project
from core.projects.service import ProjectService
from core.tenancy.domain import Permission

Projects = NamedDependency[ProjectService]
Actions = NamedDependency[ActionService]
Limit = Annotated[int, Parameter(ge=1, le=100)]


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
async def create(access: Allowed, data: JSONBody[NewProject], projects: Projects) -> Response[ProjectAnswer]:
    """Make a project."""
    return tagged(await projects.create(access, Draft(data.name, data.description)), 201)


@get("/projects", opt=needs(Permission.READ_PROJECTS))
async def listing(
    access: Allowed, projects: Projects, cursor: FromQuery[UUID | None] = None, limit: FromQuery[Limit] = 20
) -> ProjectsAnswer:
    """List projects, the oldest first."""
    found = await projects.page(access, cursor, limit)
    shown = found[:limit]
    return ProjectsAnswer(
        items=[project_answer(one) for one in shown],
        next_cursor=shown[-1].id if len(found) > limit else None,
    )


@get("/projects/{project_id:uuid}", opt=needs(Permission.READ_PROJECTS))
async def show(access: Allowed, project_id: FromPath[UUID], projects: Projects) -> Response[ProjectAnswer]:
    """Show a project."""
    return tagged(await projects.find(access, project_id))


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
    access: Allowed,
    project_id: FromPath[UUID],
    name: FromPath[str],
    data: JSONBody[NewAction],
    actions: Actions,
) -> Response[JobAnswer]:
    """Trigger an action: its job is queued, and can be asked for."""
    job = await actions.trigger(access, project_id, name, data.destination)
    place = f"/api/v1/organisations/{access.tenant_id}/jobs/{job.id}"
    return Response(job_answer(job), status_code=202, headers={"location": place})


OF_ONE = [create, listing, show, change, remove, act]
