"""Who is called: the receiver of reminders, and what may be demanded of the calls that it got."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import batched, pairwise

from kata.steps import CallbackServer, Draw, Received, Reply, expect

from .agenda import LATE_SECONDS, PATIENCE_SECONDS, Agenda, Json, Reminder, create_request, made

# Both sides read the same clock. A service that keeps milliseconds may take one as begun that is not.
CLOCK_SECONDS = 0.001
START_SECONDS = 20.0
ONCE = "Idempotency-Key is <id>:<occurrence>, the same on every attempt, so that a receiver can make it once"


class Receiver:
    """The callbacks of one check, each reminder on a path of its own."""

    def __init__(self, sink: CallbackServer, agenda: Agenda, draw: Draw) -> None:
        self.sink = sink
        self._agenda = agenda
        self._draw = draw

    def expects(self, *replies: Reply) -> str:
        """Return a URL that answers with these replies in turn, and on with the last."""
        path = f"/{self._draw.word()}/{self._draw.word()}"
        self.sink.program(path, *(replies or (Reply(),)))
        return self.sink.url(path)

    def remind(self, seconds: float, *replies: Reply, **changes: object) -> Reminder:
        """Have a reminder made that is due in so many seconds."""
        return self._agenda.accepted(self._agenda.body(self.expects(*replies), seconds, **changes))

    def remind_all(self, moments: Sequence[str], *replies: Reply) -> list[Reminder]:
        """Have many reminders made at once, one for each moment."""
        return self.remind_each([(moment, replies) for moment in moments])

    def remind_each(self, wanted: Iterable[tuple[str, Sequence[Reply]]]) -> list[Reminder]:
        """Have reminders made at once, each for its moment and with its replies."""
        bodies = [
            self._agenda.body(self.expects(*replies), 0, remind_at=moment) for moment, replies in wanted
        ]
        requests = [create_request(body) for body in bodies]
        # More at once than a pool has connections would only wait for each other.
        parts = batched(requests, 8, strict=False)
        answers = [answer for part in parts for answer in self._agenda.burst(part)]
        return [made(body, answer) for body, answer in zip(bodies, answers, strict=True)]

    def calls(self, reminder: Reminder) -> list[Received]:
        return self.sink.received(reminder.path)

    def wait_for(
        self,
        reminder: Reminder,
        count: int,
        rule: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> list[Received]:
        """Return the calls once there are so many, or fail the check."""
        calls = self.sink.wait_for(reminder.path, count, patience_seconds)
        expect(
            len(calls) >= count,
            expected=f"call {count} for the reminder due at {reminder.remind_at:%H:%M:%S.%f}",
            got=f"{len(calls)} within {patience_seconds:.1f} s; it is {self._agenda.show(reminder)}",
            rule=rule,
        )
        return calls

    def delivered_once(self, reminders: Sequence[Reminder], rule: str | None = None) -> None:
        """Wait until all are delivered and nobody has any of them in hand, and demand one call for each."""
        for reminder in reminders:
            self._agenda.wait_for_state(reminder, "delivered", rule)
        self.everybody_works()
        once_each(self, reminders, rule)

    def everybody_works(self) -> None:
        """Wait until each worker alone has delivered something: all that it had in hand before is done."""
        workers = self._agenda.service.workers
        rule = "a worker delivers what is due, also when it is the only one"
        for worker in workers:
            others = [other for other in workers if other is not worker]
            for other in others:
                other.pause()
            self.wait_for(self.remind(0.0), 1, rule, START_SECONDS)
            for other in others:
                other.resume()


def in_time(reminder: Reminder, call: Received) -> None:
    """Demand that the call came when it was due."""
    early = (reminder.remind_at - call.received_at).total_seconds()
    expect(
        early <= CLOCK_SECONDS,
        expected=f"no call before {reminder.remind_at:%H:%M:%S.%f}",
        got=f"one at {call.received_at:%H:%M:%S.%f}, {early:.3f} s early",
        rule="a reminder never fires before remind_at",
    )
    expect(
        -early <= LATE_SECONDS,
        expected=f"the call within {LATE_SECONDS:g} s of {reminder.remind_at:%H:%M:%S.%f}",
        got=f"{-early:.3f} s after it",
        rule="a reminder is late by at most a second on an idle machine",
        timing=True,
    )


def content(call: Received, rule: str | None = None) -> Json:
    """Return the JSON object that was posted."""
    expect(call.method == "POST", expected="POST", got=call.method, rule=rule)
    kind = (call.header("content-type") or "none").partition(";")[0]
    expect(kind == "application/json", expected="application/json", got=kind, rule=rule)
    try:
        body = call.json()
    except ValueError:
        body = None
    expect(isinstance(body, dict), expected="a JSON object", got=call.text[:200], rule=rule)
    return body if isinstance(body, dict) else {}


def one_key(reminder: Reminder, calls: Iterable[Received], occurrence: int = 1) -> None:
    """Demand the same Idempotency-Key on all the calls."""
    wanted = f"{reminder.id}:{occurrence}"
    for call in calls:
        got = call.header("idempotency-key")
        expect(got == wanted, expected=f"Idempotency-Key: {wanted}", got=got, rule=ONCE)


def attempt_numbers(calls: Iterable[Received]) -> list[object]:
    """Return the attempt that each call says it is."""
    return [content(call, "the call is a POST of JSON").get("attempt") for call in calls]


def once_each(receiver: Receiver, reminders: Iterable[Reminder], rule: str | None = None) -> None:
    """Demand one call for each, and say how those overlap that are not alone."""
    for reminder in reminders:
        calls = receiver.calls(reminder)
        together = any(first.overlaps(second) for first, second in pairwise(calls))
        shown = ", ".join(f"{call.received_at:%H:%M:%S.%f}" for call in calls)
        expect(
            len(calls) == 1,
            expected="one call",
            got=f"{len(calls)} ({shown}){', under way at the same time' if together else ''}",
            rule=rule,
            timing=True,
        )


def gap_seconds(before: Received, after: Received) -> float:
    """Return the time from the end of one call to the beginning of the next."""
    return after.started - (before.finished or after.started)


def moments(calls: Iterable[Received]) -> str:
    """Say when calls came, counted from the first."""
    known = list(calls)
    return " | ".join(f"+{call.started - known[0].started:.3f}" for call in known)


def wait_past(moment: datetime) -> None:
    """Wait until the wall clock is past the moment."""
    while (seconds := (moment - datetime.now(moment.tzinfo)).total_seconds()) > 0:
        time.sleep(seconds)
