"""Endpoints as an organisation sees them, and as they are called."""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass

from kata.steps import CallbackServer, Received, Reply, as_object, describe_answer, expect

from .saas import OK, PATIENCE_SECONDS, Home, Json, Site, as_json, made, objects

CLOCK_SECONDS = 60


@dataclass
class Hook:
    """An endpoint and where its calls arrive."""

    home: Home
    id: str
    secret: str
    target: str
    sink: CallbackServer
    shown: Json

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def url(self) -> str:
        return self.sink.url(self.target)

    @property
    def place(self) -> str:
        return f"{self.home.path}/endpoints/{self.id}"

    def show(self) -> Json:
        answer = self.home.http.get(self.place)
        expect(answer.status == OK, expected="200 for an endpoint", got=describe_answer(answer))
        return as_object(answer)

    def calls(self, count: int, patience_seconds: float = PATIENCE_SECONDS) -> list[Received]:
        """Wait for so many calls."""
        found = self.sink.wait_for(self.path, count, patience_seconds)
        expect(len(found) >= count, expected=f"{count} calls", got=len(found), timing=True)
        for call in found:
            expect(call.target == self.target, expected=f"POST {self.target}", got=call.target)
        return found

    def deliveries(self, query: str = "") -> list[Json]:
        answer = self.home.http.get(f"{self.home.path}/deliveries?endpoint_id={self.id}&limit=100{query}")
        expect(answer.status == OK, expected="200 for deliveries", got=describe_answer(answer))
        return objects(as_object(answer).get("items"))

    def settled(self, count: int, state: str = "succeeded") -> list[Json]:
        """Wait until so many deliveries have come to this state."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found := self.deliveries(f"&state={state}")) < count:
            late = time.monotonic() > deadline
            got = [(one.get("type"), one.get("state")) for one in self.deliveries()]
            expect(not late, expected=f"{count} deliveries that are {state}", got=got, timing=True)
            time.sleep(0.05)
        return found

    def until(self, state: str) -> Json:
        """Wait until the endpoint is in this state."""
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        while (shown := self.show()).get("state") != state:
            late = time.monotonic() > deadline
            expect(not late, expected=f"an endpoint that is {state}", got=shown, timing=True)
            time.sleep(0.05)
        return shown


def hook(
    site: Site,
    home: Home,
    sink: CallbackServer,
    *replies: Reply,
    types: Sequence[str] = ("project.created",),
    is_ordered: bool = False,
) -> Hook:
    """Make an endpoint that answers so, the last for ever."""
    path = f"/{site.draw.uuid()}"
    sink.program(path, *(replies or (Reply(),)))
    target = path + site.draw.choice(["", f"?key={site.draw.word()}&at=%2Fhome", f"?{site.draw.word()}"])
    wanted = {"url": sink.url(target), "event_types": list(types), "is_ordered": is_ordered}
    shown = made(home.http.request("POST", f"{home.path}/endpoints", json=wanted))
    return Hook(home, str(shown["id"]), str(shown.get("secret")), target, sink, shown)


def signatures(call: Received) -> list[str]:
    return (call.header("webhook-signature") or "").split(" ")


def signature_by(secret: str, call: Received) -> str:
    """Sign a call as Standard Webhooks does."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    parts = [call.header("webhook-id") or "", call.header("webhook-timestamp") or ""]
    signed = ".".join([*parts, ""]).encode() + call.body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def is_by(call: Received, *secrets: str) -> None:
    """Demand that a call is signed now, by these secrets and no other."""
    wanted, got = sorted(signature_by(secret, call) for secret in secrets), sorted(signatures(call))
    expect(wanted == got, expected=f"webhook-signature: {' '.join(wanted)}", got=got)
    sent_at = int(call.header("webhook-timestamp") or 0)
    age = abs(call.received_at.timestamp() - sent_at)
    expect(age < CLOCK_SECONDS, expected="webhook-timestamp of now", got=sent_at)


def id_of(call: Received) -> str:
    return str(call.header("webhook-id"))


def targets_of(calls: Sequence[Received]) -> list[object]:
    """Return what each call is about, in their order."""
    return [data_of(call).get("target") for call in calls]


def data_of(call: Received) -> Json:
    data = as_json(call.body).get("data")
    expect(isinstance(data, dict), expected="data, an object", got=call.body)
    return data if isinstance(data, dict) else {}
