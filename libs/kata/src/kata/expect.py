"""How a step states a rule, so that the report can say what was expected, what came and why that is wrong."""

from collections.abc import Iterable

from kata.clock import timeline
from kata.exchange import Exchange
from kata.verdicts import CheckFailedError


def expect(
    holds: bool,  # noqa: FBT001 - the statement itself: expect(answer.status == 200, …)
    *,
    expected: str,
    got: object,
    rule: str,
    exchanges: Iterable[Exchange] = (),
    timing: bool = False,
) -> None:
    """Fail the check unless the rule holds.

    `timing` marks a rule that a machine which stands still may break: then the check is tried again.

    Raises:
        CheckFailedError: it does not.

    """
    if not holds:
        shown = list(exchanges)
        raise CheckFailedError(
            expected=expected,
            got=str(got),
            rule=rule,
            timeline=timeline(shown) if shown else None,
            timing=timing,
        )


def describe(exchange: Exchange) -> str:
    """Return the status, or why there is none, as a report shows it."""
    return str(exchange.status) if exchange.status else f"no answer ({exchange.error})"
