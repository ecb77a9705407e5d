from prometheus_client import Counter

from service_kit.metrics import Metrics


def samples(metrics: Metrics) -> list[str]:
    return metrics.exposition().decode().splitlines()


def test_requests_are_counted_by_method_template_and_status() -> None:
    metrics = Metrics()
    metrics.observe("GET", "/items/{number}", 200, 0.003)
    metrics.observe("GET", "/items/{number}", 200, 0.003)
    metrics.observe("GET", "/items/{number}", 404, 0.003)
    assert 'http_requests_total{method="GET",route="/items/{number}",status="200"} 2.0' in samples(metrics)
    assert 'http_requests_total{method="GET",route="/items/{number}",status="404"} 1.0' in samples(metrics)


def test_durations_fall_into_buckets() -> None:
    metrics = Metrics()
    metrics.observe("GET", "/", 200, 0.003)
    labels = 'method="GET",route="/"'
    assert f'http_request_duration_seconds_bucket{{le="0.0025",{labels}}} 0.0' in samples(metrics)
    assert f'http_request_duration_seconds_bucket{{le="0.005",{labels}}} 1.0' in samples(metrics)
    assert f"http_request_duration_seconds_sum{{{labels}}} 0.003" in samples(metrics)


def test_invented_methods_share_one_series() -> None:
    metrics = Metrics()
    for method in ("BREW", "WHEN", "get"):
        metrics.observe(method, "unmatched", 405, 0.001)
    assert 'http_requests_total{method="OTHER",route="unmatched",status="405"} 3.0' in samples(metrics)
    assert not [line for line in samples(metrics) if "BREW" in line]


def test_applications_do_not_share_their_numbers() -> None:
    one, other = Metrics(), Metrics()
    one.observe("GET", "/", 200, 0.001)
    assert not [line for line in samples(other) if line.startswith("http_requests_total{")]


def test_a_services_own_metrics_join_in() -> None:
    metrics = Metrics()
    Counter("decisions", "Decisions.", registry=metrics.registry).inc()
    assert "decisions_total 1.0" in samples(metrics)


def test_the_process_is_reported_too() -> None:
    assert [line for line in samples(Metrics()) if line.startswith("process_resident_memory_bytes ")]
