"""What can go wrong in this service, in its own terms; app.py gives each a status."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from throttler.limiter import Budget, Decision


class ThrottlerError(Exception):
    """Base of every error that this service raises on purpose."""


class PoliciesFileError(ThrottlerError):
    """The policies file cannot be used; the message says where and why."""


class LimiterUnavailableError(ThrottlerError):
    """Nobody could tell whether the client has budget left."""


class ClientDeniedError(ThrottlerError):
    """The client's address is on the deny list."""


class BudgetExhaustedError(ThrottlerError):
    """At least one policy of the budget has no room for the request."""

    def __init__(self, budget: "Budget", decision: "Decision") -> None:
        super().__init__(f"no budget left on {budget.route}")
        self.budget = budget
        self.decision = decision


class GateClosedError(BudgetExhaustedError):
    """The same, for a request that a proxy asks about."""


class UnclearTargetError(ThrottlerError):
    """A proxy asks at the gate without saying, or saying twice, what its client wants."""


class WordTooLongError(ThrottlerError):
    """The word to echo is longer than the contract allows."""

    def __init__(self, length: int, longest: int) -> None:
        super().__init__(f"The word has {length} characters; at most {longest} are allowed.")
