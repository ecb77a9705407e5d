"""Who sends webhooks to the platform, and what the inbox says of them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from kata.steps import Client, Draw, Exchange, Request, as_object, describe_answer, expect

from .saas import API, OK, Home, Json, Site, made, objects


@dataclass(frozen=True)
class Source:
    """A source, and the secret that its sender has."""

    home: Home
    id: str
    secret: bytes

    @property
    def path(self) -> str:
        return f"{API}/hooks/{self.id}"


def drawn_secret(draw: Draw) -> bytes:
    return bytes(draw.integer(0, 255) for _ in range(draw.integer(24, 64)))


def shown(secret: bytes) -> str:
    return "whsec_" + base64.b64encode(secret).decode()


def source(site: Site, home: Home, pointer: str | None = None, secret: bytes | None = None) -> Source:
    """Make a source with a secret."""
    key = secret or drawn_secret(site.draw)
    body = {"name": site.draw.word(), "secret": shown(key), "key_pointer": pointer}
    answer = home.http.request("POST", f"{home.path}/sources", json=body)
    return Source(home, str(made(answer)["id"]), key)


def payload(site: Site, order: str | None = None) -> bytes:
    """Write an event as its sender does: in no form that anybody else would choose."""
    data = {"text": site.draw.word() + " ünï ", **({"order": order} if order else {})}
    document = {"data": data, "type": "order.paid"}
    return json.dumps(document, indent=site.draw.integer(1, 3), ensure_ascii=False).encode() + b"\n"


def signed(
    secret: bytes, event_id: str, body: bytes, *, age_seconds: float = 0.0, before: str = ""
) -> Mapping[str, str]:
    """Sign an event as Standard Webhooks does; other signatures may stand before it."""
    timestamp = str(int(time.time() - age_seconds))
    digest = hmac.new(secret, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"{before}v1,{base64.b64encode(digest).decode()}",
    }


def event_request(to: Source, event_id: str, body: bytes) -> Request:
    return Request("POST", to.path, signed(to.secret, event_id, body), body)


def send(client: Client, to: Source, event_id: str, body: bytes) -> Exchange:
    one = event_request(to, event_id, body)
    return client.request(one.method, one.path, headers=one.headers, body=one.body)


def inbox_of(home: Home, limit: int = 100, query: str = "") -> list[Json]:
    """Read the inbox page by page, the newest first."""
    items: list[Json] = []
    cursor = ""
    while True:
        answer = home.http.get(f"{home.path}/inbox?limit={limit}{query}{cursor}")
        expect(answer.status == OK, expected="200 for the inbox", got=describe_answer(answer))
        page = as_object(answer)
        items += objects(page.get("items"))
        if page.get("next_cursor") is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


def received(home: Home, inbox_id: object) -> Json:
    answer = home.http.get(f"{home.path}/inbox/{inbox_id}")
    expect(answer.status == OK, expected="200 for an event", got=describe_answer(answer))
    return as_object(answer)
