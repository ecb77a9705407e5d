"""The throttle: who may pass, decided once for each request and counted."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from throttler.client_address import Access, Client
from throttler.errors import LimiterUnavailableError
from throttler.limiter import Budget, Decision, Limiter


class Outcome(StrEnum):
    """How a request fared; also the label of the metric."""

    ADMITTED = "admitted"
    REJECTED = "rejected"
    SHADOW_REJECTED = "shadow_rejected"  # passed, for the limits are only being tried out
    EXEMPT = "exempt"  # allow list
    DENIED = "denied"  # deny list
    FAILED_OPEN = "failed_open"  # passed unseen, for nobody could decide
    FAILED_CLOSED = "failed_closed"


class Verdict(NamedTuple):
    """What is to be done with a request, and why; no decision where no budget was asked."""

    outcome: Outcome
    budget: Budget
    decision: Decision | None = None


class Throttle:
    """Decides whether a client's request passes."""

    def __init__(
        self,
        limiter: Limiter,
        *,
        shadow: bool = False,
        fail_open: bool = False,
        on_verdict: Callable[[Client, Verdict], None] = lambda _client, _verdict: None,
    ) -> None:
        self._limiter = limiter
        self._shadow = shadow
        self._fail_open = fail_open
        self._on_verdict = on_verdict

    def decide(self, client: Client, budget: Budget) -> Verdict:
        """Charge the client for one request if its budget has room for it."""
        verdict = self._decide(client, budget)
        self._on_verdict(client, verdict)
        return verdict

    def peek(self, client: Client, budget: Budget) -> Decision:
        """Tell where the client stands, and charge nothing.

        Raises: LimiterUnavailableError.
        """
        return self._limiter.spend(client.key, budget, 0)

    def _decide(self, client: Client, budget: Budget) -> Verdict:
        if client.access is not Access.LIMITED:
            return Verdict(Outcome.DENIED if client.access is Access.DENIED else Outcome.EXEMPT, budget)
        try:
            decision = self._limiter.spend(client.key, budget, budget.cost)
        except LimiterUnavailableError:
            return Verdict(Outcome.FAILED_OPEN if self._fail_open else Outcome.FAILED_CLOSED, budget)
        if decision.admitted:
            return Verdict(Outcome.ADMITTED, budget, decision)
        return Verdict(Outcome.SHADOW_REJECTED if self._shadow else Outcome.REJECTED, budget, decision)
