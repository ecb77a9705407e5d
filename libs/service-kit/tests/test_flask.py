import json
from collections.abc import Iterator
from uuid import UUID

import flask
import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from service_kit.flask import install, problem_response
from service_kit.flask_openapi import Info, described, document
from service_kit.json_text import as_mapping
from service_kit.metrics import Metrics
from service_kit.problems import Problem, ProblemError, on
from service_kit.settings import ServiceSettings


class TakenError(Exception):
    """A domain error."""


class ShortLivedError(TakenError):
    """A narrower one."""


class Fixture:
    """An application with one route for each way to answer."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.closed = False
        app = flask.Flask(__name__, static_folder=None)
        app.add_url_rule("/raise/<name>", view_func=self.raise_named)
        app.add_url_rule("/abort/<int:status>", view_func=self.abort)
        app.add_url_rule("/return", view_func=self.return_problem)
        app.add_url_rule("/folder/", view_func=self.page)
        app.add_url_rule("/page", view_func=self.page)
        app.add_url_rule("/stream", view_func=self.stream)
        app.add_url_rule("/broken", view_func=self.broken)
        app.add_url_rule("/json", view_func=self.json, methods=["POST"])
        app.add_url_rule("/ignore", view_func=self.page, methods=["POST"])
        app.add_url_rule("/own/<name>", view_func=self.size, methods=["POST"])
        errors = [
            on(TakenError, 409, "name_taken", headers=lambda _: {"X-Hint": "another"}),
            on(ShortLivedError, 410, "gone_again"),
        ]
        install(
            app,
            ServiceSettings(port=1, body_limit_bytes=100),
            errors=errors,
            readiness={"redis": self.is_redis_up},
            service_metrics=self.metrics,
            own_bodies=["/own/{name}"],
        )
        self.client: FlaskClient = app.test_client()

    def is_redis_up(self) -> None:
        raise ConnectionError

    def raise_named(self, name: str) -> str:
        errors = {
            "taken": TakenError("ada is taken."),
            "gone": ShortLivedError("ada was here."),
            "problem": ProblemError(Problem(428, "precondition_required", "Precondition required")),
        }
        raise errors.get(name, RuntimeError("hunter2"))

    def abort(self, status: int) -> str:
        if status == 299:
            flask.abort(404, response=flask.Response("odd, but ours", 299))
        flask.abort(status, flask.request.args.get("why"))

    def return_problem(self) -> flask.Response:
        return problem_response(Problem(429, "limited", "Limited", headers={"Retry-After": "3"}))

    def page(self) -> flask.Response:
        own = {"Content-Security-Policy": "own", "Cache-Control": "max-age=60"}
        response = flask.Response("<p>", headers=own)
        response.call_on_close(self.close)
        return response

    def stream(self) -> flask.Response:
        def parts() -> Iterator[str]:
            yield "one"
            yield flask.g.get("two", "two")

        response = flask.Response(flask.stream_with_context(parts()))
        response.call_on_close(self.close)
        return response

    def broken(self) -> flask.Response:
        def parts() -> Iterator[str]:
            yield "one"
            raise RuntimeError("hunter2")

        return flask.Response(parts())

    def size(self, name: str) -> dict[str, int | str]:
        return {name: len(flask.request.environ["wsgi.input"].read())}

    def close(self) -> None:
        self.closed = True

    def json(self) -> dict[str, object]:
        return {"got": flask.request.get_json()}


@pytest.fixture
def fixture() -> Fixture:
    return Fixture()


@pytest.fixture
def client(fixture: Fixture) -> FlaskClient:
    return fixture.client


@pytest.mark.parametrize(
    ("path", "status", "code", "detail"),
    [
        ("/raise/taken", 409, "name_taken", "ada is taken."),
        ("/raise/gone", 410, "gone_again", "ada was here."),
        ("/raise/problem", 428, "precondition_required", None),
        ("/raise/other", 500, "internal_server_error", None),
        ("/abort/404", 404, "not_found", None),
        ("/abort/404?why=moved", 404, "not_found", "moved"),
        ("/abort/503", 503, "service_unavailable", None),
        ("/return", 429, "limited", None),
        ("/nowhere", 404, "not_found", None),
    ],
)
def test_every_error_is_a_problem(
    client: FlaskClient, path: str, status: int, code: str, detail: str | None
) -> None:
    answer = client.get(path)
    document = answer.get_json(force=True)
    assert answer.content_type == "application/problem+json"
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document.get("detail") == detail
    assert document["instance"] == path.partition("?")[0]
    assert document["request_id"] == answer.headers["X-Request-ID"]


def test_the_headers_of_an_error_are_kept(client: FlaskClient) -> None:
    assert client.get("/raise/taken").headers["X-Hint"] == "another"
    assert client.get("/return").headers["Retry-After"] == "3"
    assert client.delete("/page").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_a_crash_is_logged_and_not_told(client: FlaskClient) -> None:
    with capture_logs() as logs:
        answer = client.get("/raise/other")
    assert "hunter2" not in answer.text
    assert [(line["event"], line["log_level"]) for line in logs] == [("unhandled error", "error")]
    assert repr(logs[0]["exc_info"]) == "RuntimeError('hunter2')"


def test_an_answer_to_abort_with_stays_as_it_is(client: FlaskClient) -> None:
    answer = client.get("/abort/299")
    assert (answer.status_code, answer.text) == (299, "odd, but ours")


def test_a_path_without_its_slash_is_another_and_leads_nowhere(client: FlaskClient) -> None:
    """Flask's own answer is a redirect to whatever Host was sent."""
    assert [client.get(path).status_code for path in ("/folder/", "/folder")] == [200, 404]


def test_an_answers_own_headers_win(client: FlaskClient) -> None:
    headers = client.get("/page").headers
    assert headers.get_all("Content-Security-Policy") == ["own"]
    assert headers.get_all("Cache-Control") == ["max-age=60"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_callers_request_id_comes_back(client: FlaskClient) -> None:
    assert client.get("/page", headers={"X-Request-ID": "r-1"}).headers["X-Request-ID"] == "r-1"
    made = client.get("/page", headers={"X-Request-ID": "no good"}).headers["X-Request-ID"]
    assert UUID(made).version == 7


def test_flask_asks_only_once_whether_a_view_is_a_coroutine(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("flask.app.iscoroutinefunction", asked.append)
    for _ in range(2):
        assert client.get("/page").status_code == 200
    assert len(asked) == 2  # the kit's hook and the view, each once


def test_a_short_answer_is_closed_too(fixture: Fixture) -> None:
    fixture.client.get("/page")
    assert fixture.closed


def test_a_stream_is_passed_on_and_closed(fixture: Fixture, capsys: pytest.CaptureFixture[str]) -> None:
    answer = fixture.client.get("/stream")
    assert answer.text == "onetwo"
    answer.close()
    assert fixture.closed
    assert json.loads(capsys.readouterr().out)["route"] == "/stream"


def test_a_crash_in_the_middle_of_a_stream_is_logged(client: FlaskClient) -> None:
    with capture_logs() as logs, pytest.raises(RuntimeError, match="hunter2"):
        client.get("/broken").get_data()
    assert [line["event"] for line in logs] == ["unhandled error"]


def test_requests_are_counted_by_template(fixture: Fixture) -> None:
    for path in ("/abort/404", "/abort/410", "/no/such/path", "/another"):
        fixture.client.get(path)
    text = fixture.client.get("/metrics").text
    assert 'http_requests_total{method="GET",route="/abort/{status}",status="404"} 1.0' in text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text


def test_probes(client: FlaskClient) -> None:
    assert client.get("/health").get_json() == {"status": "ok"}
    ready = client.get("/ready")
    assert (ready.status_code, ready.get_json()["checks"]) == (503, {"redis": "unavailable"})


def test_views_that_are_not_described_are_not_in_the_document(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    assert paths.keys() == {"/health", "/ready", "/metrics", "/openapi.json", "/docs"}


def test_a_view_that_returns_a_response_says_of_which_type_it_is() -> None:
    app = flask.Flask(__name__, static_folder=None)

    @app.get("/events")
    @described(media_type="text/event-stream")
    def events() -> flask.Response:
        """Follow."""
        return flask.Response(b"", content_type="text/event-stream")

    install(app, ServiceSettings(port=8000))
    client = app.test_client()
    responses = json.loads(client.get("/openapi.json").text)["paths"]["/events"]["get"]["responses"]
    assert responses["200"]["content"] == {"text/event-stream": {"schema": {"type": "string"}}}
    statuses = [
        client.get("/events", headers={"Accept": accepted}).status_code
        for accepted in ("text/event-stream", "text/html")
    ]
    assert statuses == [200, 406]


def test_a_body_that_is_not_read_is_limited_too(client: FlaskClient) -> None:
    assert client.post("/ignore", data="x" * 100).status_code == 200
    assert client.post("/ignore", data="x" * 101).status_code == 413


def test_a_view_may_bound_its_bodies_itself(client: FlaskClient) -> None:
    assert client.post("/own/a", data="x" * 101).get_json() == {"a": 101}
    assert client.post("/own/a/b", data="x" * 101).status_code == 413


def test_json_goes_in_strictly_and_out_as_it_came(client: FlaskClient) -> None:
    assert client.post("/json", json={"a": [1, None, "é"]}).get_json() == {"got": {"a": [1, None, "é"]}}
    for text in ("NaN", "", "{", "\ud800"):
        body = text.encode(errors="surrogatepass")
        answer = client.post("/json", data=body, content_type="application/json")
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (400, "invalid_json")


def test_further_answers_stand_in_the_document() -> None:
    app = flask.Flask(__name__, static_folder=None)

    @app.put("/thing")
    @described(status=201, others={200: "Replaced."})
    def put() -> None:
        """Put it."""

    operation = as_mapping(as_mapping(as_mapping(document(app, Info("a"))["paths"])["/thing"])["put"])
    answers = {status: as_mapping(answer) for status, answer in as_mapping(operation["responses"]).items()}
    assert (answers["200"], answers["201"]["description"]) == ({"description": "Replaced."}, "The answer.")
