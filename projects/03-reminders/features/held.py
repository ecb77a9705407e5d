"""A reminder that is being delivered, by one worker that is known."""

from dataclasses import dataclass

from kata.steps import Instance, Reply

from .agenda import Agenda, Reminder
from .receiver import Receiver

FIRES = "a reminder that is due is posted to its callback"


@dataclass(frozen=True)
class Held:
    """A reminder in the hands of one worker, while the other one waits."""

    reminder: Reminder
    holder: Instance
    spare: Instance
    others: tuple[Reminder, ...] = ()


def held(agenda: Agenda, receiver: Receiver, *replies: Reply) -> Held:
    """Have a reminder delivered by one worker; the other stands still, so that it is known which."""
    holder, spare = agenda.service.workers
    spare.pause()
    reminder = receiver.remind(0.2, *replies)
    receiver.wait_for(reminder, 1, FIRES)
    return Held(reminder, holder, spare)
