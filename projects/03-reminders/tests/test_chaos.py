"""Workers killed at random while reminders come due: none may be lost, and the duplicates are counted.

The full measure, by hand: python tests/test_chaos.py --kills 20 --reminders 2000
"""

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Reply
from kata.solution.procfile_target import ProcfileTarget
from kata.solution.target import Instance
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld
from kata.world.owned_service import OwnedService

WORKERS = 3
SETTINGS = {
    "LEASE_SECONDS": "1",
    "MAX_ATTEMPTS": "50",
    "BACKOFF_BASE_SECONDS": "0.1",
    "WORKER_CONCURRENCY": "20",
    "ALLOW_PRIVATE_CALLBACKS": "true",
}
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Figures:
    reminders: int
    kills: int
    lost: int
    duplicates: int
    early: int
    keys: int
    attempts_made_twice: int
    states: Counter[str]
    seconds: float


def chaos(
    world: OwnedWorld, callback_server: CallbackServer, kills: int, reminders: int, seed: str
) -> Figures:
    """Kill workers while the reminders come due, and say what became of these."""
    chance = random.Random(seed)
    service = world.start_alone(SETTINGS, workers=WORKERS)
    span_seconds = max(3.0, reminders / 100)
    began = time.monotonic()
    for number in range(reminders):
        callback_server.program(f"/{number}", Reply(204, delay_seconds=chance.choice((0.0, 0.05, 0.3))))
    first = datetime.now(UTC) + timedelta(seconds=1)
    due = [first + timedelta(seconds=chance.uniform(0, span_seconds)) for _ in range(reminders)]
    with service.postgres.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO reminders"
            " (id, message, channel, callback_url, remind_at, state, due_at, created_at, updated_at)"
            " VALUES (uuidv7(), 'tea', 'webhook', %s, %s, 'scheduled', %s, now(), now())",
            [(callback_server.url(f"/{number}"), moment, moment) for number, moment in enumerate(due)],
        )
    time.sleep(max((first - datetime.now(UTC)).total_seconds(), 0))
    for _ in range(kills):
        time.sleep(chance.uniform(0, span_seconds / kills))
        victim = chance.choice(
            [worker for worker in service.workers if is_at_work(worker)] or service.workers
        )
        victim.kill()
        victim.restart()
    return figures(service, callback_server, due, kills, began)


def is_at_work(worker: Instance) -> bool:
    """Tell a worker from one that was killed a moment ago and is still starting."""
    lines = worker.output()
    return bool(lines) and '"attempt"' in lines[-1]


def figures(
    service: OwnedService, callback_server: CallbackServer, due: list[datetime], kills: int, began: float
) -> Figures:
    states = wait_until_all_is_over(service)
    received = [callback_server.received(f"/{number}") for number in range(len(due))]
    requests = [request for some in received for request in some]
    made = Counter(request.body.partition(b'"message"')[0] for request in requests)
    return Figures(
        reminders=len(due),
        kills=kills,
        lost=sum(not some for some in received),
        duplicates=len(requests) - len(due),
        early=sum(
            request.received_at < moment
            for some, moment in zip(received, due, strict=True)
            for request in some
        ),
        keys=len({request.header("idempotency-key") for request in requests}),
        attempts_made_twice=sum(count > 1 for count in made.values()),
        states=states,
        seconds=time.monotonic() - began,
    )


def wait_until_all_is_over(service: OwnedService) -> Counter[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with service.postgres.connect() as connection:
        while True:
            states = Counter(str(row[0]) for row in connection.execute("SELECT state FROM reminders"))
            if not states["scheduled"] + states["delivering"] or time.monotonic() > deadline:
                return states
            time.sleep(0.1)


def check(found: Figures) -> None:
    assert found.states == Counter(delivered=found.reminders), found
    assert (found.lost, found.early, found.attempts_made_twice) == (0, 0, 0), found
    assert found.keys == found.reminders, found


def test_random_kills_lose_nothing(world: OwnedWorld, callback_server: CallbackServer) -> None:
    found = chaos(world, callback_server, kills=5, reminders=300, seed=world.draw.seed)
    check(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--reminders", type=int, default=2000)
    parser.add_argument("--seed", default=None)
    arguments = parser.parse_args()
    draw = Draw(arguments.seed)
    world = OwnedWorld(ProcfileTarget(Path(__file__).parents[1]), ("postgres", "redis"), draw)
    callback_server = CallbackServer()
    callback_server.start()
    try:
        found = chaos(world, callback_server, arguments.kills, arguments.reminders, draw.seed)
    finally:
        world.close()
        callback_server.stop()
    sys.stdout.write(f"{found}\n")
    check(found)


if __name__ == "__main__":
    main()
