"""The whole application, in this process, with a real Redis."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from throttler.app import limited_endpoints
from throttler.limiter import Algorithm
from throttler.routes import ROUTES, api

type ClientWith = Callable[[Mapping[str, object]], FlaskClient]

PING = "/api/v1/ping"


def statuses(client: FlaskClient, path: str, times: int, **headers: str) -> list[int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [client.get(path, headers=named).status_code for _ in range(times)]


def fields(response: TestResponse) -> tuple[str | None, str | None]:
    return response.headers.get("RateLimit-Policy"), response.headers.get("RateLimit")


def read(rate_limit: str) -> tuple[int, int]:
    """Return what remains, and the seconds until there is more."""
    match = re.fullmatch(r'"default";r=(\d+);t=(\d+)', rate_limit)
    assert match
    return int(match[1]), int(match[2])


def outcomes(client: FlaskClient) -> dict[tuple[str, str], float]:
    lines = re.findall(
        r'^throttle_decisions_total{outcome="(\w+)",route="([^"]+)"} (\S+)$',
        client.get("/metrics").text,
        re.MULTILINE,
    )
    return {(route, outcome): float(count) for outcome, route, count in lines}


def test_the_table_of_routes_is_that_of_the_application() -> None:
    app = Flask("throttler")
    app.register_blueprint(api)
    assert sorted(limited_endpoints(app).values()) == sorted(ROUTES)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_exactly_the_limit_passes_and_each_answer_tells_where_the_client_stands(
    client_with: ClientWith, algorithm: Algorithm
) -> None:
    client = client_with({"algorithm": algorithm})
    responses = [client.get(PING) for _ in range(4)]
    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    assert [response.headers["RateLimit-Policy"] for response in responses] == ['"default";q=3;w=3600'] * 4
    told = [read(response.headers["RateLimit"]) for response in responses]
    assert [remaining for remaining, _ in told] == [2, 1, 0, 0]
    longest = 1200 if algorithm is Algorithm.TOKEN_BUCKET else 3600
    assert all(longest - 60 <= seconds <= longest for _, seconds in told)


def test_a_rejection_is_a_problem_with_the_same_numbers_in_body_and_headers(client_with: ClientWith) -> None:
    client = client_with({"limit": 1})
    client.get(PING)
    response = client.get(PING, headers={"X-Request-ID": "me-1"})
    retry_after = int(response.headers["Retry-After"])
    assert 3540 <= retry_after <= 3600
    assert response.content_type == "application/problem+json"
    assert response.json == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Quota exceeded",
        "status": 429,
        "detail": f"Try again in {retry_after} s.",
        "instance": PING,
        "code": "rate_limited",
        "request_id": "me-1",
        "violated-policies": ["default"],
        "retry_after_seconds": retry_after,
    }


def test_all_words_share_the_budget_of_their_template(client_with: ClientWith, redis: Redis) -> None:
    client = client_with({})
    assert [client.get(f"/api/v1/echo/{word}").status_code for word in "abcd"] == [200, 200, 200, 429]
    assert redis.keys() == ["rate:127.0.0.1:/api/v1/echo/{word}"]
    assert client.get(PING).status_code == 200


def test_a_word_is_said_back(client_with: ClientWith) -> None:
    client = client_with({})
    assert client.get("/api/v1/echo/gr%C3%BC%C3%9Fe").json == {"word": "grüße"}
    assert client.get("/api/v1/echo/" + "x" * 64).status_code == 200


def test_a_word_that_is_too_long_is_refused_and_counted(client_with: ClientWith) -> None:
    client = client_with({})
    response = client.get("/api/v1/echo/" + "x" * 65)
    assert response.status_code == 422
    assert read(response.headers["RateLimit"]) == (2, 3600)
    assert response.json
    assert response.json["code"] == "invalid_input"
    assert [(error["code"], error["parameter"]) for error in response.json["errors"]] == [
        ("too_long", "word")
    ]
    assert statuses(client, "/api/v1/echo/" + "x" * 65, 3) == [422, 422, 429]


@pytest.mark.parametrize(
    "path",
    ["/health", "/ready", "/metrics", "/openapi.json", "/docs", "/", "/api/v1/budget", "/static/page.js"],
)
def test_what_is_not_a_limited_route_costs_nothing(client_with: ClientWith, redis: Redis, path: str) -> None:
    client = client_with({"limit": 1})
    for _ in range(3):
        response = client.get(path)
        response.close()
        assert response.status_code == 200
        assert fields(response) == (None, None)
    until = monotonic() + 5
    while (
        redis.keys()
    ):  # to be ready is to be able to write, and what was written for that lives a millisecond
        assert monotonic() < until


def test_unknown_routes_and_wrong_methods_are_refused_and_cost_nothing(
    client_with: ClientWith, redis: Redis
) -> None:
    client = client_with({"limit": 1})
    assert client.get("/api/v1/nothing").status_code == 404
    refused = client.post(PING)
    assert refused.status_code == 405
    assert "GET" in refused.headers["Allow"]
    assert redis.keys() == []


def test_a_body_over_the_limit_is_refused(client_with: ClientWith) -> None:
    client = client_with({"body_limit_bytes": 10})
    assert client.get(PING, data=b"x" * 11).status_code == 413


def test_a_forged_address_changes_nothing_without_trusted_proxies(client_with: ClientWith) -> None:
    client = client_with({"limit": 1})
    assert statuses(client, PING, 1, X_Forwarded_For="192.0.2.1") == [200]
    assert statuses(client, PING, 1, X_Forwarded_For="192.0.2.2") == [429]


def test_behind_a_trusted_proxy_each_address_has_a_budget(client_with: ClientWith, redis: Redis) -> None:
    client = client_with({"limit": 1, "trusted_hops": 1})
    assert statuses(client, PING, 2, X_Forwarded_For="1.1.1.1, 192.0.2.1") == [200, 429]
    assert statuses(client, PING, 2, X_Forwarded_For="1.1.1.1, 192.0.2.2") == [200, 429]
    assert statuses(client, PING, 1, X_Forwarded_For="2001:db8::1") == [200]
    assert statuses(client, PING, 1, X_Forwarded_For="2001:db8::2") == [429]
    assert redis.exists("rate:2001:db8::/64:/api/v1/ping")


def test_who_is_on_the_allow_list_is_never_limited(client_with: ClientWith, redis: Redis) -> None:
    client = client_with({"limit": 1, "allow": "127.0.0.0/8"})
    assert statuses(client, PING, 3) == [200, 200, 200]
    assert fields(client.get(PING)) == (None, None)
    assert redis.keys() == []


def test_who_is_on_the_deny_list_is_refused_where_limits_are_kept(client_with: ClientWith) -> None:
    client = client_with({"deny": "127.0.0.0/8"})
    response = client.get(PING)
    assert response.status_code == 403
    assert response.json
    assert response.json["code"] == "client_denied"
    assert client.get("/gate").status_code == 403
    assert client.get("/health").status_code == 200


def test_shadow_mode_lets_everything_pass_and_tells_the_truth(client_with: ClientWith) -> None:
    client = client_with({"limit": 1, "shadow": True})
    assert statuses(client, PING, 2) == [200, 200]
    assert read(client.get(PING).headers["RateLimit"])[0] == 0
    assert outcomes(client) == {(PING, "admitted"): 1, (PING, "shadow_rejected"): 2}


def test_decisions_are_counted_by_route_and_outcome(client_with: ClientWith) -> None:
    client = client_with({"limit": 1})
    statuses(client, PING, 3)
    statuses(client, "/api/v1/echo/a", 1)
    assert outcomes(client) == {
        (PING, "admitted"): 1,
        (PING, "rejected"): 2,
        ("/api/v1/echo/{word}", "admitted"): 1,
    }


@pytest.fixture
def policies_file(tmp_path: Path) -> Path:
    file = tmp_path / "policies.toml"
    file.write_text(
        """
        [policies.burst]
        limit = 2
        window_seconds = 600
        [[routes]]
        path = "/api/v1/echo/{word}"
        policies = ["burst", "default"]
        cost = 2
        [[gate]]
        path = "/api/*"
        policies = ["burst"]
        """
    )
    return file


def test_policies_of_the_file_are_all_told_and_the_violated_one_is_named(
    client_with: ClientWith, policies_file: Path
) -> None:
    client = client_with({"policies_file": policies_file})
    first, second = client.get("/api/v1/echo/a"), client.get("/api/v1/echo/a")
    assert first.headers["RateLimit-Policy"] == '"burst";q=2;w=600, "default";q=3;w=3600'
    assert first.headers["RateLimit"] == '"burst";r=0;t=600, "default";r=1;t=3600'
    assert second.status_code == 429
    assert second.json
    assert second.json["violated-policies"] == ["burst", "default"]


def test_without_rules_the_gate_has_one_budget_for_all(client_with: ClientWith, redis: Redis) -> None:
    client = client_with({"trusted_hops": 1, "limit": 2})
    responses = [
        client.open("/gate", method=method, headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Uri": uri})
        for method, uri in [("GET", "/a"), ("POST", "/b"), ("GET", "/c")]
    ]
    assert [response.status_code for response in responses] == [204, 204, 429]
    assert read(responses[0].headers["RateLimit"]) == (1, 3600)
    assert int(responses[2].headers["Retry-After"]) > 3540
    assert redis.keys() == ["rate:192.0.2.1:gate"]


@pytest.mark.parametrize("header", ["X-Forwarded-Uri", "X-Original-URI"])
def test_the_gate_limits_what_a_rule_matches_however_it_is_spelt(
    client_with: ClientWith, policies_file: Path, header: str
) -> None:
    client = client_with({"policies_file": policies_file})
    spellings = ["/api/x?y=/z", "//api/./x", "/%61pi/x", "/a/../api/x"]
    assert [client.get("/gate", headers={header: uri}).status_code for uri in spellings] == [
        204,
        204,
        429,
        429,
    ]
    free = client.get("/gate", headers={header: "/other"})
    assert (free.status_code, fields(free)) == (204, (None, None))


def test_the_gate_refuses_to_guess_what_a_request_is_for(
    client_with: ClientWith, policies_file: Path
) -> None:
    client = client_with({"policies_file": policies_file})
    for headers in [{}, {"X-Forwarded-Uri": "/other", "X-Original-URI": "/api/x"}]:
        response = client.get("/gate", headers=headers)
        assert response.status_code == 400
        assert response.json
        assert response.json["code"] == "unclear_target"


@pytest.mark.parametrize(
    "uri",
    [
        "/api;v=1/x",
        "/API/x",
        "/Api/x",
        "/api\\x",
        "/api%5Cx",
        "/api%255Cx",
        "/%2561pi/x",
        "/x/..;/api/y",
        "/other%00/../api/x",
        "/other#/../api/x",
        "http://upstream/api/x",
        "*",
        "",
    ],
)
def test_the_gate_refuses_what_an_upstream_might_read_as_limited(
    client_with: ClientWith, policies_file: Path, uri: str
) -> None:
    client = client_with({"policies_file": policies_file})
    response = client.get("/gate", headers={"X-Forwarded-Uri": uri})
    assert (response.status_code, fields(response)) == (400, (None, None))
    assert response.json
    assert response.json["code"] == "unclear_target"


@pytest.mark.parametrize(
    "uri", ["/other;v=1/x", "/Other", "/other\\x", "/other%2Fx", "/100%25", "/other%255C", "/other//x", "/"]
)
def test_the_gate_passes_what_no_reading_limits(
    client_with: ClientWith, policies_file: Path, uri: str
) -> None:
    client = client_with({"policies_file": policies_file})
    response = client.get("/gate", headers={"X-Forwarded-Uri": uri})
    assert (response.status_code, fields(response)) == (204, (None, None))


def test_of_two_rules_no_spelling_chooses_the_cheaper(client_with: ClientWith, tmp_path: Path) -> None:
    file = tmp_path / "policies.toml"
    file.write_text(
        """
        [[gate]]
        path = "/api/free"
        [[gate]]
        path = "/api/*"
        cost = 3
        """
    )
    client = client_with({"policies_file": file})
    for uri in ["/api/x%2F..%2Ffree", "/api/x\\..\\free", "/api/free;x", "/api/free/", "/api/FREE"]:
        assert client.get("/gate", headers={"X-Forwarded-Uri": uri}).status_code == 400
    for uri in ["/api/", "/api/x", "/api/free"]:
        assert client.get("/gate", headers={"X-Forwarded-Uri": uri}).status_code in {204, 429}


def test_a_request_to_upgrade_passes_the_gate_and_is_counted(client_with: ClientWith) -> None:
    client = client_with({"limit": 1})
    handshake = {
        "Connection": "keep-alive, Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert [client.get("/gate", headers=handshake).status_code for _ in range(2)] == [204, 429]


def test_the_log_names_the_client_and_not_its_proxy(
    client_with: ClientWith, capfd: pytest.CaptureFixture[str]
) -> None:
    client = client_with({"limit": 1, "trusted_hops": 1, "log_level": "info"})
    for path in (PING, PING, "/nothing"):
        client.get(path, headers={"X-Forwarded-For": "192.0.2.1:4711"})
    client.get("/gate", headers={"X-Forwarded-For": "2001:db8::1"}).close()
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [
        (line["route"], line["status"], line["client"]) for line in lines if line["event"] == "request"
    ] == [
        (PING, 200, "192.0.2.1"),
        (PING, 429, "192.0.2.1"),
        ("unmatched", 404, "192.0.2.1"),
        ("/gate", 204, "2001:db8::/64"),
    ]


def test_the_gate_can_refuse_as_nginx_understands_it(client_with: ClientWith) -> None:
    client = client_with({"limit": 1, "gate_deny_status": "403"})
    client.get("/gate")
    response = client.get("/gate")
    assert response.status_code == 403
    assert response.headers["Retry-After"]
    assert response.json
    assert (response.json["status"], response.json["code"]) == (403, "rate_limited")
    assert statuses(client, PING, 2) == [200, 429]


def test_the_budget_can_be_looked_at_for_nothing(client_with: ClientWith) -> None:
    client = client_with({})
    client.get(PING)
    first, second = client.get("/api/v1/budget").json, client.get("/api/v1/budget").json
    assert first
    assert second
    more_in = first["policies"][0].pop("more_in_seconds")
    assert 3540 < second["policies"][0].pop("more_in_seconds") <= more_in <= 3600
    assert (
        first
        == second
        == {
            "route": PING,
            "algorithm": "fixed-window",
            "cost": 1,
            "policies": [{"name": "default", "limit": 3, "window_seconds": 3600, "remaining": 2}],
        }
    )


def test_the_page_shows_the_visitors_budget_without_any_script(client_with: ClientWith) -> None:
    client = client_with({"algorithm": "sliding-window"})
    client.get(PING)
    page = client.get("/")
    assert page.content_type == "text/html; charset=utf-8"
    assert '<strong class="remaining">2</strong>' in page.text
    assert re.search(r"more in (3600|35\d\d) s", page.text)
    assert page.text.count("runs here</span>") == 1


def test_the_page_may_use_its_own_files_and_nothing_else(client_with: ClientWith) -> None:
    client = client_with({})
    page = client.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=|https?://(?!localhost)", page.text)
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        response = client.get(path)
        response.close()
        assert response.status_code == 200


def test_what_is_documented_is_what_there_is(client_with: ClientWith) -> None:
    client = client_with({})
    documented = json.loads(client.get("/openapi.json").data)["paths"]
    served = {
        re.sub(r"<(\w+)>", r"{\1}", rule.rule)
        for rule in client.application.url_map.iter_rules()
        if not rule.rule.startswith("/static")
    }
    operational = {"/health", "/ready", "/metrics", "/openapi.json", "/docs"}
    assert set(documented) == (served - {"/"}) | operational


def test_every_reference_in_the_documentation_resolves(client_with: ClientWith) -> None:
    document = json.loads(client_with({}).get("/openapi.json").data)
    references = re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document))
    assert references
    for reference in references:
        node = document
        for step in reference.split("/"):
            node = node[step]
