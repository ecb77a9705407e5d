"""The API as a client sees it: a real process, started by the Procfile."""

from collections.abc import Mapping
from uuid import uuid4

import pytest

from kata.network.client import Client
from kata.network.exchange import Exchange
from kata.servers.databases import swallowing
from kata.world.owned import OwnedWorld
from kata.world.owned_service import OwnedService

OPERATOR = "operator-of-these-tests"
SETTINGS = {"OPERATOR_TOKEN": OPERATOR, "CURSOR_SECRET": "cursors-of-these-tests", "TITLE_LIMIT": "50"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture(scope="module")
def service(session_world: OwnedWorld) -> OwnedService:
    return session_world.start(SETTINGS)


@pytest.fixture
def operator(service: OwnedService) -> Client:
    return service.client({"Authorization": f"Bearer {OPERATOR}"})


class Member:
    """A client with a token, and the path of its organisation's tasks."""

    def __init__(self, service: OwnedService, operator: Client, role: str = "USER") -> None:
        body = {"email": f"{uuid4()}@example.com", "name": "Ada"}
        self.user = document(operator.request("POST", "/api/v1/users", json=body))
        organisation = document(operator.request("POST", "/api/v1/organisations", json={"name": "x"}))
        self.organisation = f"/api/v1/organisations/{organisation['id']}"
        self.place = f"{self.organisation}/members/{self.user['id']}"
        assert operator.request("PUT", self.place, json={"role": role}).status == 200
        self.tasks = f"{self.organisation}/tasks"
        self.http = service.client({"Authorization": f"Bearer {self.user['token']}"})

    def create(self, headers: Mapping[str, str] | None = None, **members: object) -> Exchange:
        return self.http.request("POST", self.tasks, json={"title": "tea", **members}, headers=headers)

    def patch(self, path: str, body: bytes, if_match: str) -> Exchange:
        return self.http.request("PATCH", path, body=body, headers={**MERGE_PATCH, "If-Match": if_match})


@pytest.fixture
def member(service: OwnedService, operator: Client) -> Member:
    return Member(service, operator)


def document(answer: Exchange) -> dict[str, object]:
    parsed = answer.json()
    assert isinstance(parsed, dict), answer
    return parsed


def test_a_task_is_made_read_changed_deleted_and_restored(member: Member) -> None:
    made = member.create(due_at="2043-12-10T09:00:00+01:00")
    path = made.header("location") or ""
    assert (made.status, document(made)["due_at"]) == (201, "2043-12-10T08:00:00Z")
    assert document(member.http.get(path)) == document(made)
    changed = member.patch(path, b'{"due_at": null}', made.header("etag") or "")
    assert (changed.status, document(changed)["due_at"]) == (200, None)
    gone = member.http.request("DELETE", path, headers={"If-Match": changed.header("etag") or ""})
    assert (gone.status, member.http.get(path).status) == (204, 404)
    back = member.http.request("POST", f"{path}/restore", headers={"If-Match": gone.header("etag") or ""})
    assert (back.status, member.http.get(path).status) == (200, 200)


def test_a_stale_change_is_told_so_before_its_body_is_read(member: Member) -> None:
    path = member.create().header("location") or ""
    assert member.patch(path, b"{bad", '"9"').status == 412
    assert member.patch(path, b"{bad", "*").status == 400


def test_pages_lead_to_each_other(member: Member) -> None:
    for due_at in (None, "2031-01-02T03:04:05Z", None):
        member.create(due_at=due_at)
    first = member.http.get(f"{member.tasks}?sort=due_at&limit=2")
    link = first.header("link") or ""
    assert 'rel="next"' in link
    second = member.http.get(link.partition(">")[0].removeprefix("<"))
    assert 'rel="prev"' in (second.header("link") or "")
    assert 'rel="next"' not in (second.header("link") or "")
    items = [*as_list(document(first)["items"]), *as_list(document(second)["items"])]
    assert [item["due_at"] for item in items] == ["2031-01-02T03:04:05Z", None, None]


def as_list(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list)
    return value


def test_a_create_that_is_sent_again_is_made_once(member: Member) -> None:
    first = member.create({"Idempotency-Key": "k"})
    again = member.create({"Idempotency-Key": '"k"'})
    other = member.create({"Idempotency-Key": "k"}, title="coffee")
    assert (first.body, first.header("location")) == (again.body, again.header("location"))
    assert other.status == 422


def test_who_may_not_is_told_what_is_his_to_know(
    member: Member, service: OwnedService, operator: Client
) -> None:
    path = member.create().header("location") or ""
    stranger = Member(service, operator)
    assert service.client().get(path).status == 401
    assert stranger.http.get(path).status == 404
    assert operator.get(path).status == 404
    assert member.http.request("DELETE", member.place).status == 403
    assert operator.request("DELETE", member.place).status == 204
    assert member.http.get(path).status == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"title": ""}, "#/title"),
        ({"titl": "x"}, "#/titl"),
        ({"title": "x", "due_at": "now"}, "#/due_at"),
        ([], "#"),
    ],
)
def test_a_mistake_is_pointed_at(member: Member, body: object, pointer: str) -> None:
    answer = member.http.request("POST", member.tasks, json=body)
    assert answer.status == 422
    assert pointer in [error["pointer"] for error in as_list(document(answer)["errors"])]


@pytest.mark.parametrize("path", ["/api/v1/users/", "//api/v1/users", "/api/v1/%75sers", "/schema", "/x"])
def test_another_spelling_is_another_path(operator: Client, path: str) -> None:
    assert operator.get(path).status == 404


def test_what_litestar_has_no_word_for_is_answered(member: Member) -> None:
    head = member.http.request("HEAD", member.tasks)
    options = member.http.request("OPTIONS", member.tasks)
    put = member.http.request("PUT", member.tasks)
    assert (head.status, head.body) == (200, b"")
    assert (options.status, options.header("allow")) == (204, "GET, HEAD, OPTIONS, POST")
    assert (put.status, put.header("allow")) == (405, "GET, HEAD, OPTIONS, POST")
    assert member.http.get(member.tasks, headers={"Accept": "text/html"}).status == 406


def test_an_address_has_one_user(operator: Client) -> None:
    body = {"email": f"{uuid4()}@example.com", "name": "Ada"}
    statuses = [operator.request("POST", "/api/v1/users", json=body).status for _ in range(2)]
    assert statuses == [201, 409]


def test_the_operational_routes_answer_in_their_types(service: OwnedService) -> None:
    types = {
        path: service.client().get(path).header("content-type") for path in ("/health", "/docs", "/metrics")
    }
    assert types["/health"] == "application/json"
    assert types["/docs"] == "text/html; charset=utf-8"
    assert (types["/metrics"] or "").count("charset") == 1


def test_what_somebody_else_s_trigger_swallows_is_no_success(
    service: OwnedService, operator: Client, member: Member
) -> None:
    url, made = service.postgres.address.url(service.postgres.database), member.create()
    path, etag = made.header("location") or "", made.header("etag") or ""
    with swallowing(url, "tasks"):
        refused = [member.create(), member.patch(path, b'{"title": "x"}', etag)]
        refused.append(member.http.request("DELETE", path, headers={"If-Match": etag}))
    with swallowing(url, "idempotency_keys"):
        refused.append(member.create({"Idempotency-Key": str(uuid4())}))
    with swallowing(url, "users"):
        body = {"email": f"{uuid4()}@example.com", "name": "Ada"}
        refused.append(operator.request("POST", "/api/v1/users", json=body))
    with swallowing(url, "organisations"):
        refused.append(operator.request("POST", "/api/v1/organisations", json={"name": "x"}))
    with swallowing(url, "memberships"):
        refused.append(operator.request("PUT", member.place, json={"role": "ADMIN"}))
    assert [answer.status for answer in refused] == [503] * 7
    assert member.http.get(path).status == 200
