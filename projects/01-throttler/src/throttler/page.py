"""The page that shows the window filling and draining, and the endpoint that it looks through."""

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from service_kit.flask_openapi import described
from throttler.documentation import UNAVAILABLE
from throttler.errors import LimiterUnavailableError
from throttler.limiter import MICROSECONDS, Algorithm, Budget
from throttler.middleware import Throttling
from throttler.rate_limit_fields import whole_seconds
from throttler.settings import Settings

# Its own files, and nothing else: no inline script or style, nothing from elsewhere, no frame around it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PolicyAnswer(BaseModel):
    """A policy, and where the caller stands with it. `more_in_seconds` is 0 when nothing is used."""

    name: str
    limit: int
    window_seconds: int
    remaining: int
    more_in_seconds: float


class BudgetAnswer(BaseModel):
    """The caller's budget on one route."""

    route: str
    algorithm: Algorithm
    cost: int
    policies: list[PolicyAnswer]


def make_page(throttling: Throttling, budget: Budget, settings: Settings) -> Blueprint:
    """Make the page about a client's budget on one route."""
    page = Blueprint("page", __name__)

    @page.get("/")
    def show() -> ResponseReturnValue:
        try:
            standings = throttling.peek(budget).standings
        except LimiterUnavailableError:
            standings = ()
        html = render_template(
            "page.html",
            settings=settings,
            budget=budget,
            standings=standings,
            client=throttling.client().key,
            whole_seconds=whole_seconds,
        )
        return Response(html, content_type="text/html; charset=utf-8", headers=_HEADERS)

    @page.get("/api/v1/budget")
    @described(answer="The caller's budget.", refusals=UNAVAILABLE)
    def look() -> BudgetAnswer:
        """Show where the caller stands on /api/v1/ping.

        Costs nothing, and is what the page at / is drawn from.
        """
        decision = throttling.peek(budget)
        return BudgetAnswer(
            route=budget.route,
            algorithm=settings.algorithm,
            cost=budget.cost,
            policies=[
                PolicyAnswer(
                    name=policy.name,
                    limit=policy.limit,
                    window_seconds=policy.window_seconds,
                    remaining=standing.remaining,
                    more_in_seconds=standing.reset_us / MICROSECONDS,
                )
                for policy, standing in zip(budget.policies, decision.standings, strict=True)
            ],
        )

    return page


_HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
