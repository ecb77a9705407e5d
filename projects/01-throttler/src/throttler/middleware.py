"""Between Flask and the throttle: who asks for what, whether they may, and what they are told."""

from collections.abc import Mapping

from flask import Flask, Response, g, request

from throttler.client_address import Client, ClientIdentifier
from throttler.errors import BudgetExhaustedError, ClientDeniedError, LimiterUnavailableError
from throttler.limiter import Budget, Decision
from throttler.rate_limit_fields import rate_limit, rate_limit_policy
from throttler.service import Outcome, Throttle, Verdict


class Throttling:
    """Asks the throttle before each limited endpoint, and puts its answer into the response."""

    def __init__(
        self, throttle: Throttle, identifier: ClientIdentifier, budgets: Mapping[str, Budget]
    ) -> None:
        self._throttle = throttle
        self._identifier = identifier
        self._budgets = budgets
        self._policy_fields: dict[Budget, str] = {}

    def install(self, app: Flask) -> None:
        app.before_request(self.before_request)
        app.after_request(self.after_request)

    def before_request(self) -> None:
        """Stop a request whose budget is spent, before any work is done for it.

        Also before its input is looked at: refusing bad input is work as well, and if it were free, bad input
        would be the way around the limit.
        """
        budget = self._budgets.get(request.endpoint or "")
        if budget is not None:
            self.enforce(budget)

    def enforce(self, budget: Budget) -> None:
        """Charge the current request to the budget, and return if it may go on.

        Raises: BudgetExhaustedError, ClientDeniedError, LimiterUnavailableError.
        """
        verdict = self._throttle.decide(self.client(), budget)
        g.verdict = verdict
        match verdict.outcome:
            case Outcome.REJECTED if verdict.decision is not None:
                raise BudgetExhaustedError(budget, verdict.decision)
            case Outcome.DENIED:
                raise ClientDeniedError
            case Outcome.FAILED_CLOSED:
                raise LimiterUnavailableError
            case _:
                return

    def peek(self, budget: Budget) -> Decision:
        """Tell where the current request's client stands; costs nothing.

        Raises: LimiterUnavailableError.
        """
        return self._throttle.peek(self.client(), budget)

    def client(self) -> Client:
        """Return whom the current request's budget belongs to."""
        environ = request.environ
        return self._identifier.identify(environ["REMOTE_ADDR"], environ.get("HTTP_X_FORWARDED_FOR"))

    def after_request(self, response: Response) -> Response:
        """Tell the client where it stands, whatever the status."""
        verdict: Verdict | None = g.get("verdict")
        if verdict is not None and verdict.decision is not None:
            budget = verdict.budget
            policy_field = self._policy_fields.get(budget)
            if policy_field is None:
                policy_field = self._policy_fields[budget] = rate_limit_policy(budget)
            # add, not set: nothing to replace, and half the time.
            response.headers.add("RateLimit-Policy", policy_field)
            response.headers.add("RateLimit", rate_limit(budget, verdict.decision))
        return response
