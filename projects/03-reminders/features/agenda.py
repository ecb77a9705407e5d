"""A client of the reminder service: the settings that were drawn, and the reminders that it made."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from kata.steps import (
    Draw,
    Exchange,
    Instance,
    Request,
    Service,
    World,
    as_object,
    burst,
    describe_answer,
    expect,
    is_problem,
)

REMINDERS = "/api/v1/reminders"
OK, CREATED, NO_CONTENT = 200, 201, 204
CONFLICT, STALE, INVALID, UNCONDITIONAL = 409, 412, 422, 428
LATE_SECONDS = 1.0  # what the contract forgives on an idle machine
# Patience costs nothing where the thing happens, and a busy machine must not fail what is merely slow.
PATIENCE_SECONDS = 10.0
PRINTED_MESSAGE_LIMIT = 4096
POLL_SECONDS = 0.02

type Json = Mapping[str, object]


@dataclass(frozen=True)
class Times:
    """What the run has drawn for the service that fires: short, and away from what the lesson prints."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float
    lease_seconds: float
    timeout_seconds: float

    def environment(self) -> dict[str, str]:
        return {
            "MAX_ATTEMPTS": str(self.max_attempts),
            "BACKOFF_BASE_SECONDS": f"{self.base_seconds:.3f}",
            "BACKOFF_CAP_SECONDS": f"{self.cap_seconds:.3f}",
            "LEASE_SECONDS": f"{self.lease_seconds:.3f}",
            "DELIVERY_TIMEOUT_SECONDS": f"{self.timeout_seconds:.3f}",
            "ALLOW_PRIVATE_CALLBACKS": "true",
        }

    def longest_wait_seconds(self, attempt: int) -> float:
        """Return the most that may lie between this attempt and the next."""
        return min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))


def draw_times(world: World) -> Times:
    """Return the times of the run, the same for all its checks."""
    base = world.setting("base-milliseconds", 550, 650) / 1000
    return Times(
        max_attempts=world.setting("MAX_ATTEMPTS", 4, 5, away_from=[8]),
        base_seconds=base,
        # So near to the base that the second wait would go beyond it.
        cap_seconds=1.5 * base,
        lease_seconds=world.setting("lease-milliseconds", 1100, 1500) / 1000,
        timeout_seconds=world.setting("timeout-milliseconds", 2300, 2700) / 1000,
    )


@dataclass
class Reminder:
    """A reminder as it was asked for, and the answer to that."""

    message: str
    path: str
    remind_at: datetime
    answer: Exchange
    id: str = ""
    cancelled: Exchange | None = field(default=None)

    @property
    def at(self) -> str:
        return f"{REMINDERS}/{self.id}"


class Agenda:
    """A running service, its settings, and one client of it."""

    def __init__(self, service: Service, draw: Draw, times: Times | None = None) -> None:
        self.service = service
        self.http = service.client()
        self.ended: list[Instance] = []
        self._draw = draw
        self._times = times

    @property
    def times(self) -> Times:
        if self._times is None:
            raise TypeError("this service fires nothing, and has no times of its own")
        return self._times

    def kill(self, instance: Instance) -> None:
        """Kill a process of the service; at the end of the check it runs again."""
        self.ended.append(instance)
        instance.kill()

    def stop(self, instance: Instance, timeout_seconds: float) -> int | None:
        """Send SIGTERM to a process of the service; at the end of the check it runs again."""
        self.ended.append(instance)
        return instance.terminate(timeout_seconds)

    def body(self, callback_url: str, seconds: float, **changes: object) -> dict[str, object]:
        """Return a body that is in order, but for the changes."""
        usual = {
            "message": f"{self._draw.word()} {self._draw.word()}",
            "remind_at": spelled(soon(seconds)),
            "callback_url": callback_url,
        }
        return usual | changes

    def post(self, body: Json, key: str | None = None) -> Exchange:
        """Ask for a reminder."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.request("POST", REMINDERS, json=body, headers=headers)

    def far_away(self) -> str:
        """Return a callback that nobody will call while the check lasts."""
        return f"https://{self._draw.word()}.example.com/{self._draw.word()}"

    def later(self, **changes: object) -> Reminder:
        """Make a reminder that is not due while the check lasts."""
        return self.accepted(self.body(self.far_away(), self._draw.integer(7200, 90_000), **changes))

    def accepted(self, body: Json, key: str | None = None) -> Reminder:
        """Ask for a reminder, and demand that it is made."""
        answer = self.post(body, key)
        return made(body, answer)

    def show(self, reminder: Reminder) -> Json:
        """Return the reminder as it is now."""
        rule = "GET returns the reminder as it is now"
        answer = self.http.get(reminder.at)
        expect(
            answer.status == OK, expected=f"200 from {reminder.at}", got=describe_answer(answer), rule=rule
        )
        return as_object(answer, rule)

    def entity_tag(self, reminder: Reminder) -> str:
        """Return the ETag of the reminder as it is now."""
        answer = self.http.get(reminder.at)
        tag = answer.header("etag")
        rule = "a reminder is answered with an ETag"
        expect(bool(tag), expected="an ETag", got=f"{describe_answer(answer)}, {tag}", rule=rule)
        return tag or ""

    def revise(self, reminder: Reminder, changes: Json, if_match: str | None = None) -> Exchange:
        """Send a PATCH, by default under the reminder's present ETag."""
        tag = self.entity_tag(reminder) if if_match is None else if_match
        headers = {"If-Match": tag} if tag else {}
        return self.http.request("PATCH", reminder.at, json=changes, headers=headers)

    def cancel(self, reminder: Reminder) -> Exchange:
        return self.http.request("DELETE", reminder.at)

    def wait_for_state(
        self,
        reminder: Reminder,
        state: str,
        rule: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Json:
        """Return the reminder once it is in this state, or fail the check."""
        deadline = time.monotonic() + patience_seconds
        now = self.show(reminder)
        while now.get("state") != state and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            now = self.show(reminder)
        expect(
            now.get("state") == state,
            expected=f'"state": "{state}"',
            got=f"{now.get('state')} with {now.get('attempts')}",
            rule=rule,
        )
        return now

    def listed(self, limit: int, **query: str) -> list[Json]:
        """Walk through the whole list by its cursors."""
        found: list[Json] = []
        cursor = ""
        for _ in range(1000):
            page, cursor = self.page(limit, cursor, **query)
            found += page
            if not cursor:
                return found
        expect(False, expected="an end of the list", got="1000 pages", rule="next_cursor is null at the end")
        return found

    def page(self, limit: int, cursor: str, **query: str) -> tuple[list[Json], str]:
        """Return one page of the list and the cursor of the next."""
        rule = "GET returns items, at most as many as the limit, and next_cursor or null"
        fields = {"limit": str(limit), **query} | ({"cursor": cursor} if cursor else {})
        path = f"{REMINDERS}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
        answer = self.http.get(path)
        expect(answer.status == OK, expected=f"200 from {path}", got=describe_answer(answer), rule=rule)
        body = as_object(answer, rule)
        items = objects(body.get("items"), "items", rule)
        expect(len(items) <= limit, expected=f"at most {limit} items", got=len(items), rule=rule)
        following = body.get("next_cursor")
        known = following is None or isinstance(following, str)
        expect("next_cursor" in body and known, expected="next_cursor", got=sorted(body), rule=rule)
        return items, following if isinstance(following, str) else ""

    def named(self, messages: Iterable[str]) -> list[Json]:
        """Return the reminders in the list that have one of these messages."""
        wanted = set(messages)
        return [item for item in self.listed(100) if item.get("message") in wanted]

    def burst(self, requests: Sequence[Request], *, timeout_seconds: float = 5.0) -> list[Exchange]:
        return burst(self.service.urls[0], requests, timeout_seconds=timeout_seconds)


def made(body: Json, answer: Exchange) -> Reminder:
    """Read the answer to a POST, and demand that it is a 201 with all that belongs to it."""
    rule = "POST answers 201 with Location, an ETag and the reminder"
    got = f"422 {answer.text[:300]} for {body}" if answer.status == INVALID else describe_answer(answer)
    expect(answer.status == CREATED, expected="201", got=got, rule=rule)
    document = as_object(answer, rule)
    path = str(body["callback_url"]).partition("://")[2].partition("/")[2]
    return Reminder(
        message=str(body["message"]),
        path=f"/{path}",
        remind_at=datetime.fromisoformat(str(body["remind_at"])),
        answer=answer,
        id=str(document.get("id")),
    )


def create_request(body: Json, key: str | None = None) -> Request:
    """Return a create, to be sent in a burst."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    return Request("POST", REMINDERS, headers, json.dumps(body).encode())


def soon(seconds: float) -> datetime:
    """Return the moment so many seconds from now, in whole milliseconds: every language can keep those."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def spelled(moment: datetime) -> str:
    """Write a moment as RFC 3339 does."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(value: object) -> datetime | None:
    """Read a moment in RFC 3339; None if it is none, or has no offset."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def objects(value: object, name: str, rule: str | None = None) -> list[Json]:
    """Read a list of JSON objects."""
    right = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    expect(right, expected=f"{name}: a list of objects", got=value, rule=rule)
    return value if isinstance(value, list) else []


def attempts_of(shown: Json) -> list[Json]:
    """Return the attempts of a reminder, oldest first."""
    return objects(shown.get("attempts"), "attempts", "a reminder shows its attempts, oldest first")


def statuses_of(shown: Json) -> list[object]:
    """Return the status code of each attempt; None where no answer came."""
    return [attempt.get("status_code") for attempt in attempts_of(shown)]


def numbers_of(shown: Json) -> list[object]:
    return [attempt.get("number") for attempt in attempts_of(shown)]


def pointers_of(answer: Exchange, rule: str) -> set[str]:
    """Return where a problem says that the input is wrong: `#/remind_at` as `/remind_at`."""
    problem = is_problem(answer, INVALID, rule)
    errors = objects(problem.get("errors"), "errors", rule)
    return {str(error.get("pointer", "")).removeprefix("#") for error in errors}
