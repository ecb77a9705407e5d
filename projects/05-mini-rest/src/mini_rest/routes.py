"""The HTTP surface: controllers, which translate and decide nothing."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Final

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from mini_rest.accounts import AccountService
from mini_rest.cursors import Cursors
from mini_rest.documentation import WITH_TOKEN, ListOperation
from mini_rest.domain import KeyUse, Role, Task
from mini_rest.guards import actor_of, id_of, is_meant_for_this_version
from mini_rest.idempotency import key_of
from mini_rest.json_bodies import StrictRequest
from mini_rest.negotiation import lines
from mini_rest.permissions import Permission
from mini_rest.preconditions import entity_tag, expected_by, is_known
from mini_rest.query import links_of, listing_of
from mini_rest.schemas import (
    MembershipAnswer,
    NewMembership,
    NewOrganisation,
    NewTask,
    NewUser,
    OrganisationAnswer,
    PageAnswer,
    TaskAnswer,
    TaskPatch,
    UserAnswer,
    task_answer,
)
from mini_rest.service import TaskService

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
TASKS: Final = "/api/v1/organisations/{organisation_id:str}/tasks"
MEMBER: Final = "/api/v1/organisations/{organisation_id:str}/members/{user_id:str}"
# A cache may keep a task, but has to ask before each use, and for each caller anew.
CACHING: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}

Tasks = NamedDependency[TaskService]
Accounts = NamedDependency[AccountService]
ListCursors = NamedDependency[Cursors]


class TaskController(Controller):
    """The tasks of an organisation."""

    path = TASKS
    tags = ("tasks",)
    security = WITH_TOKEN

    @post(needs=Permission.CREATE, consumes=JSON, summary="Make a task")
    async def create(
        self, request: StrictRequest, data: JSONBody[NewTask], tasks: Tasks
    ) -> Response[TaskAnswer]:
        """Make a task. A request that is sent again with its Idempotency-Key gets the first answer again."""
        actor = actor_of(request.scope)
        key = key_of(lines(request.scope, "Idempotency-Key"))
        use = KeyUse(actor.user_id, f"POST {request.scope['path']}", key) if key is not None else None
        task = await tasks.create(actor, data.draft(), use)
        return answer(request, task, HTTPStatus.CREATED, {"Location": f"{request.scope['path']}/{task.id}"})

    @get(needs=Permission.READ, query=True, operation_class=ListOperation, summary="List tasks")
    async def page(self, request: StrictRequest, tasks: Tasks, cursors: ListCursors) -> Response[PageAnswer]:
        """Return a page of the list; `Link` leads to those beside it."""
        actor, path = actor_of(request.scope), request.scope["path"]
        listing = listing_of(request.scope["query_string"], cursors, actor.organisation_id)
        found = await tasks.page(actor, listing)
        links = links_of(
            path,
            listing,
            {"prev": found.previous, "next": found.next},
            lambda place: cursors.write(actor.organisation_id, listing, place),
        )
        headers = {"Link": links} if links else {}
        return Response(PageAnswer([task_answer(task) for task in found.tasks]), headers=headers)

    @get("/{task_id:str}", needs=Permission.READ, summary="Read a task")
    async def read(
        self, request: StrictRequest, task_id: FromPath[str], tasks: Tasks
    ) -> Response[TaskAnswer]:
        """Return a task, or 304 to who has it already."""
        task = await tasks.read(actor_of(request.scope), id_of(task_id))
        known = lines(request.scope, "If-None-Match")
        if known and is_known(task.version, known):
            return bare(HTTPStatus.NOT_MODIFIED, {"ETag": entity_tag(task.version), **CACHING})
        return answer(request, task, HTTPStatus.OK)

    @patch(
        "/{task_id:str}",
        needs=Permission.CHANGE,
        guards=[is_meant_for_this_version],
        consumes=MERGE_PATCH,
        summary="Change a task",
    )
    async def change(
        self,
        request: StrictRequest,
        task_id: FromPath[str],
        data: Annotated[TaskPatch, Body(media_type=MERGE_PATCH)],
        tasks: Tasks,
    ) -> Response[TaskAnswer]:
        """Change the fields that the merge patch names."""
        expected = expected_by(lines(request.scope, "If-Match"))
        task = await tasks.change(actor_of(request.scope), id_of(task_id), expected, data.changes())
        return answer(request, task, HTTPStatus.OK)

    @delete(
        "/{task_id:str}",
        needs=Permission.CHANGE,
        guards=[is_meant_for_this_version],
        summary="Delete a task",
    )
    async def delete(self, request: StrictRequest, task_id: FromPath[str], tasks: Tasks) -> Response[None]:
        """Take a task out of sight; the ETag is what restores it."""
        expected = expected_by(lines(request.scope, "If-Match"))
        task = await tasks.delete(actor_of(request.scope), id_of(task_id), expected)
        return bare(HTTPStatus.NO_CONTENT, {"ETag": entity_tag(task.version)})

    @post(
        "/{task_id:str}/restore",
        needs=Permission.CHANGE,
        guards=[is_meant_for_this_version],
        deleted=None,
        status_code=HTTPStatus.OK,
        summary="Restore a deleted task",
    )
    async def restore(
        self, request: StrictRequest, task_id: FromPath[str], tasks: Tasks
    ) -> Response[TaskAnswer]:
        """Bring a deleted task back."""
        expected = expected_by(lines(request.scope, "If-Match"))
        task = await tasks.restore(actor_of(request.scope), id_of(task_id), expected)
        return answer(request, task, HTTPStatus.OK)


@post(
    "/api/v1/users",
    needs=Permission.OPERATE,
    consumes=JSON,
    tags=["accounts"],
    security=WITH_TOKEN,
    summary="Make a user",
)
async def register(data: JSONBody[NewUser], accounts: Accounts) -> UserAnswer:
    """Make a user. The token is told here, and nowhere else."""
    data.check()
    user, token = await accounts.register(data.email, data.name)
    return UserAnswer(user.id, user.email, user.name, token)


@post(
    "/api/v1/organisations",
    needs=Permission.OPERATE,
    consumes=JSON,
    tags=["accounts"],
    security=WITH_TOKEN,
    summary="Make an organisation",
)
async def found(data: JSONBody[NewOrganisation], accounts: Accounts) -> OrganisationAnswer:
    """Make an organisation, without members."""
    data.check()
    organisation = await accounts.found(data.name)
    return OrganisationAnswer(organisation.id, organisation.name)


@put(
    MEMBER,
    needs=Permission.OPERATE,
    consumes=JSON,
    tags=["accounts"],
    security=WITH_TOKEN,
    summary="Make a user a member",
)
async def admit(
    organisation_id: FromPath[str], user_id: FromPath[str], data: JSONBody[NewMembership], accounts: Accounts
) -> MembershipAnswer:
    """Make a user a member of an organisation, or give a member another role."""
    membership = MembershipAnswer(id_of(user_id), id_of(organisation_id), Role(data.role))
    await accounts.admit(membership.organisation_id, membership.user_id, membership.role)
    return membership


@delete(MEMBER, needs=Permission.OPERATE, tags=["accounts"], security=WITH_TOKEN, summary="End a membership")
async def expel(organisation_id: FromPath[str], user_id: FromPath[str], accounts: Accounts) -> None:
    """End a membership, if there is one. The tasks stay."""
    await accounts.expel(id_of(organisation_id), id_of(user_id))


HANDLERS: Final[Sequence[ControllerRouterHandler]] = [TaskController, register, found, admit, expel]


def answer(
    request: StrictRequest, task: Task, status: HTTPStatus, headers: dict[str, str] | None = None
) -> Response[TaskAnswer]:
    """Answer with a task, or without it for who prefers so. Source: RFC 7240, section 4.2."""
    own = {**CACHING, **(headers or {}), "ETag": entity_tag(task.version)}
    if request.scope["method"] != "GET" and prefers_minimal(lines(request.scope, "Prefer")):
        return bare(status, {**own, "Preference-Applied": "return=minimal"})
    return Response(task_answer(task), status_code=status, headers=own)


def prefers_minimal(prefer: list[str]) -> bool:
    """Of a preference that stands twice the first counts."""
    entries = [entry.partition(";")[0].strip() for line in prefer for entry in line.split(",")]
    returns = [entry for entry in entries if entry.partition("=")[0].strip().lower() == "return"]
    return bool(returns) and returns[0].partition("=")[2].strip().strip('"') == "minimal"


def bare[T](status: HTTPStatus, headers: dict[str, str]) -> Response[T]:
    """Answer without a body."""
    return Response(b"", status_code=status, headers=headers)  # type: ignore[arg-type]  # there is no content
