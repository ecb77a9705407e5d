"""What Prometheus and Grafana are given: each metric that they ask for is one that the platform tells."""

import json
import re
from pathlib import Path

import pytest
import yaml

from service_kit.metrics import Metrics

CAPSTONE = Path(__file__).parents[1]
OBSERVE = CAPSTONE / "observe"
OF_PROMETHEUS = {"up"}
GROUPING = re.compile(r"\b(by|without)\s*\([^)]*\)")
NO_METRICS = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\w+\s*(?=\()|\b[\d.]+\b")


def metrics_of(expression: str) -> set[str]:
    """Return the names in an expression that are of metrics: no functions, labels, spans or numbers."""
    return set(re.findall(r"[a-z_]\w*", NO_METRICS.sub(" ", GROUPING.sub(" ", expression))))


def told() -> set[str]:
    metrics = Metrics()
    metrics.observe("GET", "/api/v1/auth/login", 200, 0.01)
    return set(re.findall(r"^(\w+)", metrics.exposition().decode(), re.MULTILINE))


def expressions() -> list[str]:
    groups = yaml.safe_load((OBSERVE / "alerts.yaml").read_text())["groups"]
    alerts = [rule["expr"] for group in groups for rule in group["rules"]]
    panels = json.loads((OBSERVE / "grafana" / "capstone.json").read_text())["panels"]
    return alerts + [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.mark.parametrize("expression", expressions())
def test_each_metric_that_is_asked_for_is_told(expression: str) -> None:
    asked = metrics_of(expression)
    assert asked
    assert asked <= told() | OF_PROMETHEUS


def test_the_routes_that_are_named_are_routes_of_the_platform() -> None:
    routes = set(re.findall(r'route="([^"]+)"', " ".join(expressions())))
    assert routes
    readme = (CAPSTONE / "README.md").read_text()
    assert all(f"`POST {route}`" in readme for route in routes)


def test_each_replica_is_asked_and_each_alert_says_where_to_look() -> None:
    services = yaml.safe_load((CAPSTONE / "compose.yaml").read_text())["services"]
    replicas = {
        f"{name}:8000" for name, one in services.items() if "DRAIN_SECONDS" in one.get("environment", {})
    }
    (job,) = yaml.safe_load((OBSERVE / "prometheus.yaml").read_text())["scrape_configs"]
    assert {target for one in job["static_configs"] for target in one["targets"]} == replicas
    assert replicas == set(services["caddy"]["environment"]["REPLICAS"].split())
    (group,) = yaml.safe_load((OBSERVE / "alerts.yaml").read_text())["groups"]
    assert all(rule["annotations"].keys() == {"summary", "look"} for rule in group["rules"])


def test_the_dashboard_asks_the_source_that_is_provisioned() -> None:
    (source,) = yaml.safe_load((OBSERVE / "grafana" / "datasource.yaml").read_text())["datasources"]
    panels = json.loads((OBSERVE / "grafana" / "capstone.json").read_text())["panels"]
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
