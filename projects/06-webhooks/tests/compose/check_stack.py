"""What compose.yaml promises: two web processes and two workers are one service."""

import base64
import hashlib
import hmac
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

import httpx
import pytest

from kata.network.callback_server import CallbackServer

WEBS = 2
PATIENCE_SECONDS = 30.0
OPERATOR = {"Authorization": f"Bearer {os.environ['OPERATOR_TOKEN']}"}


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def compose(*arguments: str) -> str:
    """Run a command of docker compose on the stack that .ci/compose-check has started."""
    return docker("compose", *arguments)


@pytest.fixture(scope="module")
def webs() -> Iterator[list[httpx.Client]]:
    """A client of each web process."""
    with ExitStack() as stack:
        clients = []
        for index in range(1, WEBS + 1):
            address = compose("port", f"--index={index}", "webhooks", "8000")
            client = httpx.Client(base_url=f"http://{address}", headers=OPERATOR, trust_env=False, timeout=10)
            clients.append(stack.enter_context(client))
        yield clients


@pytest.fixture(scope="module")
def sink() -> Iterator[CallbackServer]:
    """The destination: on the address of this machine in the stack's network."""
    network = f"{os.environ['COMPOSE_PROJECT_NAME']}_default"
    gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", network)
    with CallbackServer(gateway) as sink:
        yield sink


def test_each_web_process_is_ready(webs: list[httpx.Client]) -> None:
    assert [web.get("/ready").status_code for web in webs] == [HTTPStatus.OK] * WEBS


def test_what_one_process_took_the_other_knows_and_a_worker_forwards(
    webs: list[httpx.Client], sink: CallbackServer
) -> None:
    new = {"name": "shop", "scheme": "standard-webhooks", "destination": sink.url("/events")}
    made = webs[0].post("/api/v1/sources", json=new)
    assert made.status_code == HTTPStatus.CREATED, made.text
    moment, body = str(int(time.time())), b'{"tea": 1}'
    key = base64.b64decode(made.json()["secret"].removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_1.{moment}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    answers = [web.post("/in/shop", content=body, headers=headers) for web in webs]
    assert [answer.status_code for answer in answers] == [HTTPStatus.ACCEPTED, HTTPStatus.OK]
    calls = sink.wait_for("/events", 1, PATIENCE_SECONDS)
    assert [call.body for call in calls] == [body]


def test_a_service_whose_postgresql_was_restarted_takes_deliveries_again(webs: list[httpx.Client]) -> None:
    compose("restart", "postgres")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and webs[0].get("/ready").status_code != HTTPStatus.OK:
        time.sleep(0.1)
    assert webs[0].get("/ready").status_code == HTTPStatus.OK
