"""All the wiring: which part gets which, which error becomes which status."""

import re
import threading
from collections.abc import Callable

import structlog
from flask import Flask
from prometheus_client import Counter

from service_kit import flask as kit
from service_kit.metrics import Metrics
from service_kit.problems import ErrorRule, FieldError, on
from throttler.client_address import Client, ClientIdentifier
from throttler.documentation import INFO
from throttler.errors import (
    BudgetExhaustedError,
    ClientDeniedError,
    GateClosedError,
    LimiterUnavailableError,
    UnclearTargetError,
    WordTooLongError,
)
from throttler.failover import CircuitBreaker, FailoverLimiter, FailureMode
from throttler.gate import make_gate
from throttler.local_limiter import LocalLimiter
from throttler.middleware import Throttling
from throttler.page import make_page
from throttler.policies import load_policies
from throttler.rate_limit_fields import QUOTA_EXCEEDED, retry_after_seconds, violated_policies
from throttler.redis_limiter import RedisLimiter
from throttler.routes import ROUTES, api
from throttler.service import Outcome, Throttle, Verdict
from throttler.settings import Settings

log = structlog.get_logger()


def create_app(settings: Settings) -> Flask:
    """Put the service together."""
    app = Flask("throttler")
    app.register_blueprint(api)
    endpoints = limited_endpoints(app)
    policies = load_policies(settings.policies_file, settings.default_policy, ROUTES)
    redis = RedisLimiter(str(settings.redis_url), settings.algorithm)
    threading.Thread(target=redis.warm_up, args=(settings.web_threads,), daemon=True).start()
    stand_in = LocalLimiter(settings.algorithm) if settings.failure_mode is FailureMode.LOCAL else None
    metrics = Metrics()
    throttle = Throttle(
        FailoverLimiter(redis, stand_in, CircuitBreaker(on_change=report_redis)),
        shadow=settings.shadow,
        fail_open=settings.failure_mode is FailureMode.OPEN,
        on_verdict=verdict_counter(metrics),
    )
    identifier = ClientIdentifier(settings.trusted_hops, settings.networks)
    budgets = {endpoint: policies.budgets[route] for endpoint, route in endpoints.items()}
    throttling = Throttling(throttle, identifier, budgets)
    throttling.install(app)
    app.register_blueprint(make_gate(throttling, policies))
    app.register_blueprint(make_page(throttling, policies.budgets[ROUTES[0]], settings))
    kit.install(
        app,
        settings,
        readiness={"redis": redis.ping},
        errors=error_table(int(settings.gate_deny_status)),
        info=INFO,
        client_of=lambda peer, forwarded_for: identifier.identify(peer, forwarded_for).key,
        service_metrics=metrics,
    )
    return app


def limited_endpoints(app: Flask) -> dict[str, str]:
    """Map each endpoint of the API to its route template, as `/api/v1/echo/{word}`."""
    return {
        rule.endpoint: re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(f"{api.name}.")
    }


def error_table(gate_status: int) -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        _exhausted(BudgetExhaustedError, 429),
        _exhausted(GateClosedError, gate_status),
        on(ClientDeniedError, 403, "client_denied", detail=lambda _: "This address is on the deny list."),
        on(
            LimiterUnavailableError,
            503,
            "limiter_unavailable",
            detail=lambda _: "The request cannot be counted at the moment.",
            headers=lambda _: {"Retry-After": "1"},
        ),
        on(UnclearTargetError, 400, "unclear_target"),
        on(
            WordTooLongError,
            422,
            "invalid_input",
            title="Invalid input",
            errors=lambda error: [FieldError("too_long", str(error), parameter="word")],
        ),
    ]


def _exhausted(error: type[BudgetExhaustedError], status: int) -> ErrorRule:
    return on(
        error,
        status,
        "rate_limited",
        type=QUOTA_EXCEEDED,
        title="Quota exceeded",
        detail=lambda raised: f"Try again in {retry_after_seconds(raised.decision)} s.",
        extensions=lambda raised: {
            "violated-policies": violated_policies(raised.budget, raised.decision),
            "retry_after_seconds": retry_after_seconds(raised.decision),
        },
        headers=lambda raised: {"Retry-After": str(retry_after_seconds(raised.decision))},
    )


def verdict_counter(metrics: Metrics) -> Callable[[Client, Verdict], None]:
    """Count each verdict for Prometheus, and log those that only shadow mode let through."""
    counter = Counter(
        "throttle_decisions",  # the client library adds _total
        "Requests judged, by route template and outcome.",
        ("route", "outcome"),
        registry=metrics.registry,
    )
    children: dict[tuple[str, Outcome], Counter] = {}  # labels() takes a microsecond a call

    def count(client: Client, verdict: Verdict) -> None:
        key = (verdict.budget.route, verdict.outcome)
        child = children.get(key)
        if child is None:
            child = children[key] = counter.labels(*key)
        child.inc()
        if verdict.outcome is Outcome.SHADOW_REJECTED:
            log.info("would be rejected", route=verdict.budget.route, client=client.key)

    return count


def report_redis(reason: str | None) -> None:
    """Log each change of the circuit breaker, once."""
    if reason is None:
        log.info("redis is in use again")
    else:
        log.warning("redis does not answer, the failure mode decides", reason=reason)
