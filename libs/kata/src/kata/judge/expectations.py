"""How a step states a rule, so that the report can say what was expected, what came and why that is wrong."""

import signal
from collections.abc import Iterable

from kata.judge.reproduction import as_command
from kata.judge.timeline import timeline
from kata.judge.verdicts import CheckFailedError
from kata.network.exchange import Exchange
from kata.network.history import history

# The second is how a shell tells of the first.
_ENDED_BY_SIGTERM = (-signal.SIGTERM, 128 + signal.SIGTERM)


def expect(
    holds: bool,  # noqa: FBT001 - the statement itself: expect(answer.status == 200, …)
    *,
    expected: str,
    got: object,
    rule: str | None = None,
    exchanges: Iterable[Exchange] = (),
    answer: Exchange | None = None,
    timing: bool = False,
) -> None:
    """Fail the check unless what is expected was got.

    The report takes the rule from the contract, by the check's id; `rule` is for a check that holds several
    and has broken a certain one. It shows whole the request of `answer`, of what `got` describes, or else the
    last one. `timing` marks what a machine that stands still may spoil: then the check is tried again.

    Raises:
        CheckFailedError: it does not.

    """
    if not holds:
        chosen = list(exchanges)
        shown = chosen or history.exchanges()
        subject = got.exchange if isinstance(got, _Described) else answer
        if subject is None and shown:
            subject = max(shown, key=lambda exchange: exchange.sent)  # at which the timeline's arrow points
        raise CheckFailedError(
            expected=expected,
            got=str(got),
            rule=rule,
            timeline=timeline(shown) if shown else None,
            request=as_command(subject) if subject is not None else None,
            timing=timing,
        )


class _Described(str):
    """What a report says of an answer, which it is told of."""

    __slots__ = ("exchange",)
    exchange: Exchange


def describe_answer(exchange: Exchange) -> str:
    """Return the status, or why there is none, as a report shows it."""
    text = _Described(exchange.status or f"no answer ({exchange.error})")
    text.exchange = exchange  # so that the report can show its request
    return text


def describe_stop(exit_code: int | None) -> str:
    """Say how a process ended that was sent SIGTERM; None: it did not in time."""
    if exit_code is None:
        return "it was still running"
    if exit_code not in _ENDED_BY_SIGTERM:
        return f"exit code {exit_code}"
    return (
        f"exit code {exit_code}: the signal was not handled. Either the program has no handler for it, or the"
        " line's own process is a shell or a wrapper that ended before what it started (put one command"
        " there, with `exec`)"
    )
