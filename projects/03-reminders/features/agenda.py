"""A client of the reminder service: the settings that were drawn, and the reminders that it made."""

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

from kata.steps import (
    Draw,
    Exchange,
    Instance,
    NotRunError,
    Request,
    Service,
    World,
    as_object,
    burst,
    describe_answer,
    expect,
    is_problem,
    wait_until_ready,
)

REMINDERS = "/api/v1/reminders"
OK, CREATED, NO_CONTENT = 200, 201, 204
MALFORMED, CONFLICT, STALE, INVALID, UNCONDITIONAL = 400, 409, 412, 422, 428
LATE_SECONDS = 1.0  # what the contract forgives on an idle machine
# Patience costs nothing where the thing happens, and a busy machine must not fail what is merely slow.
PATIENCE_SECONDS = 10.0
PRINTED_MESSAGE_LIMIT = 4096
POLL_SECONDS = 0.02
LONGEST_URL = 2048
SURELY_ACCEPTED = timedelta(seconds=5)
# Far from UTC, by odd amounts, on either side of the date line: no service is asked where it stands.
ZONES = (
    "Asia/Kathmandu",
    "America/St_Johns",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Australia/Lord_Howe",
)

type Json = Mapping[str, object]


@dataclass(frozen=True)
class Times:
    """What the run has drawn for the service that fires: short, and away from what the lesson prints."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float
    lease_seconds: float
    timeout_seconds: float
    zone: str

    def environment(self) -> dict[str, str]:
        return {
            "MAX_ATTEMPTS": str(self.max_attempts),
            "BACKOFF_BASE_SECONDS": f"{self.base_seconds:.3f}",
            "BACKOFF_CAP_SECONDS": f"{self.cap_seconds:.3f}",
            "LEASE_SECONDS": f"{self.lease_seconds:.3f}",
            "DELIVERY_TIMEOUT_SECONDS": f"{self.timeout_seconds:.3f}",
            "ALLOW_PRIVATE_CALLBACKS": "true",
            "TZ": self.zone,
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
        zone=ZONES[world.setting("zone", 0, len(ZONES) - 1)],
    )


def draw_patient_times(world: World) -> Times:
    """Return times with a lease and a time-out that are longer than any check."""
    return replace(
        draw_times(world),
        max_attempts=world.setting("patient-attempts", 11, 90),
        lease_seconds=world.setting("patient-lease-milliseconds", 38_000, 90_000) / 1000,
        timeout_seconds=world.setting("patient-timeout-milliseconds", 14_000, 60_000) / 1000,
    )


@dataclass
class Reminder:
    """A reminder as it was asked for, and the answer to that."""

    message: str
    remind_at: datetime
    callback_url: str
    answer: Exchange
    path: str = ""
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

    @property
    def is_ours(self) -> bool:
        """Whether the verifier has started it."""
        try:
            return self.service.web.alive
        except NotRunError:
            return False

    def kill(self, instance: Instance) -> None:
        """Kill a process of the service; at the end of the check it runs again."""
        self.ended.append(instance)
        instance.kill()

    def stop(self, instance: Instance, timeout_seconds: float) -> int | None:
        """Send SIGTERM to a process of the service; at the end of the check it runs again."""
        self.ended.append(instance)
        return instance.terminate(timeout_seconds)

    def make_whole(self) -> None:
        """Start again what the check has ended; what died by itself is for the world to see."""
        for worker in self.service.workers:
            worker.resume()
        for instance in self.ended:
            if not instance.alive:
                instance.restart()
        if self.service.web in self.ended:
            wait_until_ready(self.service.web)

    def body(self, callback_url: str, seconds: float, **changes: object) -> dict[str, object]:
        """Return a body that is in order, but for the changes."""
        usual = {
            "message": f"{self._draw.word()} {self._draw.word()}",
            "remind_at": spelled(soon(seconds)),
            "callback_url": callback_url,
        }
        return usual | changes

    def post(self, body: Json, key: str | None = None) -> Exchange:
        """Ask for a reminder; JSON may be written in more than one way, and so may its type."""
        kind = self._draw.choice(["application/json", "application/json; charset=utf-8"])
        headers = {"Content-Type": kind} | ({} if key is None else {"Idempotency-Key": key})
        text = json.dumps(body, ensure_ascii=self._draw.choice([True, False]))
        return self.http.request("POST", REMINDERS, body=text.encode(), headers=headers)

    def far_away(self) -> str:
        """Return a callback that nobody will call while the check lasts."""
        return f"https://{self._draw.word()}.example.com/{self._draw.word()}"

    def later(self, **changes: object) -> Reminder:
        """Make a reminder that is not due while the check lasts."""
        return self.accepted(self.body(self.far_away(), self._draw.integer(7200, 90_000)) | changes)

    def accepted(self, body: Json, key: str | None = None) -> Reminder:
        """Ask for a reminder, and demand that it is made."""
        answer = self.post(body, key)
        return made(body, answer)

    def show(self, reminder: Reminder) -> Json:
        """Return the reminder as it is now."""
        rule = "GET returns the reminder as it is now"
        answer = self.http.get(reminder.at)
        expect(
            answer.status == OK,
            expected=f"200 from {reminder.at}",
            got=describe_answer(answer),
            rule=rule,
            timing=in_doubt(answer),
        )
        return as_object(answer, rule)

    def entity_tag(self, reminder: Reminder) -> str:
        """Return the ETag of the reminder as it is now."""
        answer = self.http.get(reminder.at)
        tag = answer.header("etag")
        rule = "a reminder is answered with an ETag"
        got = f"{describe_answer(answer)}, {tag}"
        expect(bool(tag), expected="an ETag", got=got, rule=rule, timing=in_doubt(answer))
        return tag or ""

    def revise(self, reminder: Reminder, changes: Json, if_match: str | None = None) -> Exchange:
        """Send a PATCH, by default under the reminder's present ETag."""
        tag = self.entity_tag(reminder) if if_match is None else if_match
        headers = {"If-Match": tag} if tag else {}
        return self.http.request("PATCH", reminder.at, json=changes, headers=headers)

    def cancel(self, reminder: Reminder, if_match: str = "") -> Exchange:
        headers = {"If-Match": if_match} if if_match else {}
        return self.http.request("DELETE", reminder.at, headers=headers)

    def replay(self, reminder: Reminder, if_match: str = "") -> Exchange:
        headers = {"If-Match": if_match} if if_match else {}
        return self.http.request("POST", f"{reminder.at}/replay", headers=headers)

    def refuses(self, reminder: Reminder, methods: Iterable[str], rule: str) -> None:
        """Demand that what is not for the state of this reminder is refused with 409."""
        asks = {
            "PATCH": lambda: self.revise(reminder, {"message": self._draw.word()}),
            "DELETE": lambda: self.cancel(reminder),
            "replay": lambda: self.replay(reminder),
        }
        for method in methods:
            is_problem(asks[method](), CONFLICT, f"{rule} ({method})")

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
        got = describe_answer(answer)
        expect(answer.status == OK, expected=f"200 from {path}", got=got, rule=rule, timing=in_doubt(answer))
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

    def burst_at_all(self, requests: Sequence[Request]) -> list[Exchange]:
        """Send the requests at the same instant, in turn to one web process and another."""
        urls = self.service.urls
        answers: dict[int, list[Exchange]] = {}

        def send(number: int, url: str) -> None:
            answers[number] = burst(url, requests[number :: len(urls)])

        senders = [threading.Thread(target=send, args=pair) for pair in enumerate(urls)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        return [answers[number % len(urls)][number // len(urls)] for number in range(len(requests))]


def in_doubt(answer: Exchange) -> bool:
    """Tell whether it may be for lack of processor time that this is not the answer that was wanted."""
    return answer.status in {0, 503}


def made(body: Json, answer: Exchange) -> Reminder:
    """Read the answer to a POST, and demand that it is a 201 with all that belongs to it."""
    rule = "POST answers 201 with Location, an ETag and the reminder"
    got = f"422 {answer.text[:300]} for {body}" if answer.status == INVALID else describe_answer(answer)
    late = soon(0) - datetime.fromisoformat(str(body["remind_at"]).upper()) > SURELY_ACCEPTED
    doubtful = in_doubt(answer) or (late and answer.status == INVALID)
    expect(answer.status == CREATED, expected="201", got=got, rule=rule, timing=doubtful)
    document = as_object(answer, rule)
    reminder = Reminder(
        message=str(body["message"]),
        remind_at=datetime.fromisoformat(str(body["remind_at"]).upper()),
        callback_url=str(body["callback_url"]),
        answer=answer,
        id=str(document.get("id")),
    )
    reminder.path = target_of(reminder).partition("?")[0]
    return reminder


def target_of(reminder: Reminder) -> str:
    """Return path and query of the callback."""
    return "/" + reminder.callback_url.partition("://")[2].partition("/")[2]


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


def odd_text(draw: Draw) -> str:
    """Return a message with what programs like to tidy up, escape, cut or count in their own way."""
    parts = [
        "  ",
        "\n",
        "\t",
        "e\u0301",
        "½",
        "\U0001d11e",
        "👩‍🚀",
        "\u202e",
        "%s",
        "<b>&amp;</b>",
        "'\"\\",
        "\x7f",
        "ﬁ",
    ]
    ends = draw.shuffle([" ", "\r\n", "\u3000", "\u00a0"])
    return ends[0] + "".join(draw.shuffle(parts)) + draw.word() + ends[1]


def odd_spelling(draw: Draw, moment: datetime) -> str:
    """Write a moment as RFC 3339 allows: letters in either case, any number of digits, any offset."""
    shifted = moment.astimezone(timezone(timedelta(minutes=draw.integer(-1439, 1439))))
    written = shifted.isoformat(timespec=draw.choice(["milliseconds", "microseconds"]))
    if draw.choice([True, False]):
        written = moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")
    return written.lower() if draw.choice([True, False]) else written


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
