from pathlib import Path

import pytest

from throttler.errors import PoliciesFileError
from throttler.limiter import Policy
from throttler.policies import Policies, load_policies

DEFAULT = Policy("default", 10, 60)
ROUTES = ("/api/v1/ping", "/api/v1/echo/{word}")
SAMPLE = Path(__file__).parent.parent / "policies.sample.toml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policies.toml"


def load(file: Path, text: str) -> Policies:
    file.write_text(text)
    return load_policies(file, DEFAULT, ROUTES)


def test_without_a_file_every_route_has_the_default_policy_and_the_gate_one_budget() -> None:
    policies = load_policies(None, DEFAULT, ROUTES)
    assert {route: budget.policies for route, budget in policies.budgets.items()} == {
        "/api/v1/ping": (DEFAULT,),
        "/api/v1/echo/{word}": (DEFAULT,),
    }
    assert policies.gate_rules == ()
    assert (policies.gate_default.route, policies.gate_default.policies) == ("gate", (DEFAULT,))


def test_a_route_gets_its_policies_in_their_order_and_its_cost(file: Path) -> None:
    policies = load(
        file,
        """
        [policies.burst]
        limit = 5
        window_seconds = 1
        [[routes]]
        path = "/api/v1/echo/{word}"
        policies = ["burst", "default"]
        cost = 3
        """,
    )
    budget = policies.budgets["/api/v1/echo/{word}"]
    assert (budget.policies, budget.cost) == ((Policy("burst", 5, 1), DEFAULT), 3)
    assert policies.budgets["/api/v1/ping"].policies == (DEFAULT,)


def test_the_first_rule_of_the_gate_that_matches_method_and_path_counts(file: Path) -> None:
    policies = load(
        file,
        """
        [[gate]]
        path = "/api/*"
        methods = ["POST", "PUT"]
        [[gate]]
        path = "/api/*"
        [[gate]]
        path = "/exact"
        """,
    )
    asked = [("POST", "/api/a/b"), ("GET", "/api/"), ("GET", "/exact"), ("GET", "/exact/"), ("GET", "/api")]
    budgets = [policies.gate_budget(method, path) for method, path in asked]
    assert [budget and budget.route for budget in budgets] == [
        "gate:POST:PUT:/api/*",
        "gate:/api/*",
        "gate:/exact",
        None,
        None,
    ]


def test_the_sample_can_be_used_as_it_is() -> None:
    assert load_policies(SAMPLE, DEFAULT, ROUTES).gate_rules


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[policies", "is not TOML"),
        ("[policies.default]\nlimit = 1\nwindow_seconds = 1", "LIMIT and WINDOW_SECONDS"),
        ("[policies.burst]\nlimit = 0\nwindow_seconds = 1", r"policies\.burst\.limit"),
        ("[policies.burst]\nlimit = 1\nwindow_seconds = 86401", r"policies\.burst\.window_seconds"),
        ("[policies.burst]\nlimit = 1\nwindow_seconds = 1.5", r"policies\.burst\.window_seconds"),
        ("[policies.burst]\nlimit = 1", r"policies\.burst\.window_seconds"),
        ("[policies.burst]\nlimit = 1\nwindow_seconds = 1\nburst = 2", r"policies\.burst\.burst"),
        ("[policies.'two words']\nlimit = 1\nwindow_seconds = 1", r"policies\.two words"),
        ("[[route]]\npath = '/api/v1/ping'", "route: "),
        ("[[routes]]\npath = '/api/v1/pong'", "/api/v1/pong is none of"),
        (
            "[[routes]]\npath = '/api/v1/ping'\n[[routes]]\npath = '/api/v1/ping'",
            "/api/v1/ping is there twice",
        ),
        ("[[routes]]\npath = '/api/v1/ping'\npolicies = ['burst']", "no policy 'burst'"),
        ("[[routes]]\npath = '/api/v1/ping'\npolicies = []", r"routes\.0\.policies"),
        ("[[routes]]\npath = '/api/v1/ping'\npolicies = ['default', 'default']", "default is there twice"),
        ("[[routes]]\npath = '/api/v1/ping'\ncost = 0", r"routes\.0\.cost"),
        ("[[routes]]\npath = '/api/v1/ping'\ncost = 1001", r"routes\.0\.cost"),
        ("[[routes]]\npath = '/api/v1/ping'\ncost = 11", "a cost of 11 never fits into 'default', limit 10"),
        ("[[gate]]\npath = 'api/*'", r"gate\.0\.path"),
        ("[[gate]]\npath = '/a'\nmethods = ['get']", r"gate\.0\.methods"),
        ("[[gate]]\npath = '/a'\n[[gate]]\npath = '/a'", "gate:/a is there twice"),
    ],
)
def test_a_mistake_is_named(file: Path, text: str, complaint: str) -> None:
    with pytest.raises(PoliciesFileError, match=complaint):
        load(file, text)


def test_a_file_that_is_not_there_or_not_text_is_named(file: Path) -> None:
    with pytest.raises(PoliciesFileError, match="cannot be read"):
        load_policies(file, DEFAULT, ROUTES)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PoliciesFileError, match="cannot be read"):
        load_policies(file, DEFAULT, ROUTES)
