"""The middleware, in real servers: WSGI and ASGI, threads and an event loop."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from redis import Redis

APPS = Path(__file__).parent / "apps"


type Serve = Callable[[Path, str, str, str], AbstractContextManager[httpx.Client]]


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def server(request: pytest.FixtureRequest, serve: Serve, session_redis_url: str) -> Iterator[httpx.Client]:
    interface = str(request.param)
    with serve(APPS, interface, f"{interface}_app:app", session_redis_url) as client:
        yield client


@pytest.fixture
def site(server: httpx.Client, redis: Redis) -> httpx.Client:
    """The application, before anybody has asked."""
    assert redis.dbsize() == 0
    return server


def test_the_fields_tell_what_is_left(site: httpx.Client) -> None:
    answers = [site.get("/limited") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"a";q=3;w=3600, "b";q=100;w=3600'}
    assert answers[0].headers["ratelimit"] == '"a";r=2;t=3600, "b";r=99;t=3600'
    assert answers[0].text == "limited, 2 left"
    assert answers[0].headers["x-of-the-app"] == "kept"


def test_a_refusal_is_a_problem_that_says_when_to_come_back(site: httpx.Client) -> None:
    answers = [site.get("/limited") for _ in range(4)]
    refused = answers[-1]

    assert refused.headers["content-type"] == "application/problem+json"
    assert 3_500 < int(refused.headers["retry-after"]) <= 3_600
    assert refused.headers["ratelimit"] == f'"a";r=0;t={refused.headers["retry-after"]}'  # the violated alone
    assert refused.json() == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Quota exceeded",
        "status": 429,
        "violated-policies": ["a"],
    }


def test_what_no_rule_names_is_not_limited(site: httpx.Client) -> None:
    for _ in range(10):
        answer = site.get("/free")
        assert (answer.status_code, answer.text) == (200, "free")
        assert "ratelimit" not in answer.headers


def test_a_rule_may_name_methods_costs_and_whom_it_does_not_limit(site: httpx.Client) -> None:
    assert [site.post("/costly").status_code for _ in range(3)] == [200, 200, 429]
    assert [site.get("/costly").status_code for _ in range(3)] == [200] * 3
    staff = {"x-staff": "yes"}
    assert [site.post("/costly", headers=staff).status_code for _ in range(3)] == [200] * 3


def test_the_first_rule_that_matches_decides(site: httpx.Client) -> None:
    assert site.get("/limited/really/deep").headers["ratelimit-policy"] == '"deep";q=1;w=3600'


def test_the_key_is_the_client_that_the_trusted_proxy_saw(site: httpx.Client) -> None:
    def status(forwarded: str) -> int:
        return site.get("/limited/proxied", headers={"x-forwarded-for": forwarded}).status_code

    assert status("forged, 203.0.113.7") == 200
    assert status("also forged, 203.0.113.7") == 429
    assert status("203.0.113.7:4711") == status("[::ffff:203.0.113.7]:4712") == 429  # with ports
    assert status("203.0.113.7, 203.0.113.8") == 200
    assert status("2001:db8::1") == 200
    assert status("2001:db8::2") == 429  # the same /64


def test_an_error_of_the_application_carries_the_fields_too(site: httpx.Client) -> None:
    answer = site.get("/limited/raises")

    assert answer.status_code == 500
    assert "ratelimit" in answer.headers


def test_partition_keys_tell_budgets_apart_and_names_nobody(site: httpx.Client) -> None:
    answers = [site.get("/partitioned/x", headers={"x-forwarded-for": f"203.0.113.{n}"}) for n in (1, 1, 2)]
    keys = [re.findall(r";pk=(:[A-Za-z0-9+/=]{12}:)$", answer.headers["ratelimit"]) for answer in answers]

    assert keys[0] == keys[1] != keys[2]
    assert answers[0].headers["ratelimit-policy"].endswith(keys[0][0])


def test_who_comes_at_once_gets_as_much_as_the_limit(site: httpx.Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: site.get("/limited").status_code, range(60)))

    assert statuses.count(200) == 3
    assert statuses.count(429) == 57


def test_when_nobody_can_decide_the_answer_is_503(site: httpx.Client) -> None:
    answer = site.get("/closed")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.content)["status"] == 503


def test_an_odd_path_is_limited_like_any(site: httpx.Client) -> None:
    assert [site.get("/limited/%C3%A9%FF").status_code for _ in range(2)] == [404, 404]
    assert site.get("/limited/%C3%A9").headers["ratelimit-policy"] == '"accent";q=5;w=3600'
