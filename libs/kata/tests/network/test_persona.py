"""Nothing in a message tells the verifier from a stranger."""

from collections import Counter

import pytest

from kata.network.burst import burst
from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Received
from kata.network.client import Client
from kata.network.exchange import Request
from kata.network.history import history
from kata.network.persona import Persona, Personas, personas
from kata.network.raw import send_raw
from kata.world.draw import Draw

SEEDS = [f"{number:04x}" for number in range(200)]
GIVEN = {"X-Forwarded-For": "192.0.2.1", "Content-Type": "application/json"}


def of_each_seed() -> list[tuple[Persona, Persona]]:
    source = Personas()
    drawn = []
    for seed in SEEDS:
        source.begin(seed)
        drawn.append((source.client(), source.server()))
    return drawn


def names(head: list[tuple[bytes, bytes]]) -> tuple[bytes, ...]:
    return tuple(name for name, _ in head)


@pytest.mark.parametrize("side", [0, 1], ids=["requests", "answers"])
def test_over_200_seeds_each_feature_of_a_head_varies_and_no_field_is_in_all(side: int) -> None:
    host = "127.0.0.1:8001" if side == 0 else None
    heads = [both[side].head(GIVEN, host=host) for both in of_each_seed()]
    own = Counter(
        (name.lower(), value) for head in heads for name, value in head if name.title().decode() not in GIVEN
    )
    assert own.most_common(1)[0][1] < len(SEEDS) * 0.9
    lower = [tuple(name.lower() for name in names(head)) for head in heads]
    assert len({frozenset(fields) for fields in lower}) > 5  # which fields there are
    assert len(set(lower)) > 50  # in which order
    assert {name for head in heads for name in names(head) if name.lower() == b"content-type"} == {
        b"Content-Type",
        b"content-type",
        b"CONTENT-TYPE",
    }
    assert not [field for field in own if b"kata" in b"".join(field).lower()]


@pytest.mark.parametrize("field", [b"user-agent", b"accept", b"accept-encoding", b"connection", b"host"])
def test_over_200_seeds_a_request_has_many_values_of_a_field_or_does_without(field: bytes) -> None:
    values = Counter(
        {name.lower(): value for name, value in client.head({}, host="127.0.0.1:8001")}.get(field)
        for client, _ in of_each_seed()
    )
    assert len(values) > 1
    assert values.most_common(1)[0][1] < len(SEEDS) * 0.7
    assert (None in values) == (field != b"host")


def test_over_200_seeds_some_clients_think_before_they_ask() -> None:
    pauses = {client.pause_seconds for client, _ in of_each_seed()}
    assert 0.0 in pauses
    assert len(pauses) > 50


def test_a_seed_draws_the_same_personas() -> None:
    drawn = []
    for _ in range(2):
        personas.begin("91c2")
        drawn.append([personas.client() for _ in range(5)])
    assert drawn[0] == drawn[1]
    assert len({persona.fields for persona in drawn[0]}) > 1


def test_what_is_given_replaces_what_the_persona_would_send() -> None:
    persona = Persona((("Accept", "*/*"), ("User-Agent", "plain")), str.lower, order=1)
    assert sorted(persona.head({"ACCEPT": "text/plain"}, host="127.0.0.1:80")) == [
        (b"accept", b"text/plain"),
        (b"host", b"127.0.0.1:80"),
        (b"user-agent", b"plain"),
    ]


def test_the_client_and_each_request_of_a_burst_are_somebody_else() -> None:
    with CallbackServer() as server:
        personas.begin("5eed")
        burst(server.url("/"), [Request("GET", "/")] * 30)
        for _ in range(30):
            with Client(server.url("")) as client:
                client.get("/")
        received = server.received("/")
    assert len(received) == 60
    for requests in (received[:30], received[30:]):
        assert len({agent(request) for request in requests}) > 5
        assert len({tuple(name for name, _ in request.headers) for request in requests}) > 5


def test_each_answer_of_the_callback_server_is_somebody_else_s() -> None:
    with CallbackServer() as server:
        personas.begin("5eed")
        answers = burst(server.url("/"), [Request("GET", "/")] * 30)
    assert len({answer.header("server") for answer in answers}) > 2
    assert len({tuple(name for name, _ in answer.headers) for answer in answers}) > 5


def test_whatever_was_asked_is_remembered_until_the_next_check_begins() -> None:
    history.begin()
    with CallbackServer() as server, Client(server.url("")) as client:
        client.get("/one")
        burst(server.url("/"), [Request("DELETE", "/two")])
        send_raw(server.url("/"), b"GET /three HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert [exchange.asked for exchange in history.exchanges()] == ["GET /one", "DELETE /two", "GET /three"]
    history.begin()
    assert history.exchanges() == []


def test_words_are_of_several_lengths() -> None:
    assert len({len(Draw(seed).word()) for seed in SEEDS}) > 4


def agent(request: Received) -> str | None:
    return request.header("user-agent")
