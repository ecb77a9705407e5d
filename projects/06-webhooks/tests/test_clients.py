"""The libraries that senders use, unmodified: what they sign verifies here.

They are installed from their registries into a folder of their own, and are no part of the workspace.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from kata.world.owned import OwnedWorld

CLIENTS = Path(__file__).parent / "clients"
PYTHON = ("standardwebhooks==1.1.0", "svix==2.9.1")
NODE = ("standardwebhooks@1.1.1", "svix@2.5.0", "stripe@23.1.0", "@octokit/webhooks-methods@6.0.0")
INSTALL_SECONDS = 180
TOKEN = "the-operator-of-these-tests"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
GITHUB_SECRET = "It's a Secret to Everybody"
STRIPE_SECRET = "whsec_" + "t" * 32
BODIES = ('{"id": "evt_1", "note": "👩‍🚀 é"}', '{"id":"evt_2","n":1.0}\n')


def install(command: list[str], folder: Path) -> None:
    """Run an installer, or skip where its registry cannot be reached."""
    tool = shutil.which(command[0])
    if tool is None:
        pytest.skip(f"there is no {command[0]} on this machine")
    done = subprocess.run(
        [tool, *command[1:]], cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    if done.returncode != 0:
        pytest.skip(f"{' '.join(command[:3])} could not install: {done.stderr[-300:]}")


@pytest.fixture(scope="module")
def python_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    uv = os.environ.get("UV") or shutil.which("uv") or str(Path(__file__).parents[3] / ".uv/bin/uv")
    install(
        [uv, "pip", "install", "-q", "--python", sys.executable, "--target", str(folder), *PYTHON], folder
    )
    return folder


@pytest.fixture(scope="module")
def node_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true}')
    shutil.copy(CLIENTS / "send.mjs", folder)
    install(["npm", "install", "--silent", "--no-audit", "--no-fund", *NODE], folder)
    return folder


@pytest.fixture
def web(world: OwnedWorld) -> Iterator[httpx.Client]:
    service = world.start({"ALLOW_PRIVATE_DESTINATIONS": "true", "OPERATOR_TOKEN": TOKEN})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=service.urls[0], headers=headers, trust_env=False, timeout=10) as client:
        yield client


def make(web: httpx.Client, name: str, scheme: str, secret: str) -> None:
    body = {"name": name, "scheme": scheme, "secret": secret, "destination": "http://127.0.0.1:9/"}
    assert web.post("/api/v1/sources", json=body).status_code in {201, 409}


def twice(web: httpx.Client, name: str, headers: Mapping[str, str], body: str) -> list[int]:
    """Send a delivery, and send it again, as senders do."""
    fields = {"Content-Type": "application/json", **headers}
    return [web.post(f"/in/{name}", content=body.encode(), headers=fields).status_code for _ in range(2)]


SIGN = """
import json, sys
from datetime import UTC, datetime
asked = json.loads(sys.argv[1])
if asked["library"] == "svix":
    from svix.webhooks import Webhook
else:
    from standardwebhooks.webhooks import Webhook
print(Webhook(asked["secret"]).sign(asked["id"], datetime.fromtimestamp(asked["at"], UTC), asked["body"]))
"""


@pytest.mark.parametrize(("library", "family"), [("standardwebhooks", "webhook"), ("svix", "svix")])
def test_what_the_python_libraries_sign_verifies(
    web: httpx.Client, python_packages: Path, library: str, family: str
) -> None:
    make(web, "python", "standard-webhooks", SECRET)
    for number, body in enumerate(BODIES):
        at = int(datetime.now(UTC).timestamp())
        asked = {
            "library": library,
            "secret": SECRET,
            "id": f"msg_{library}_{number}",
            "at": at,
            "body": body,
        }
        signed = subprocess.run(
            [sys.executable, "-c", SIGN, json.dumps(asked)],
            env={**os.environ, "PYTHONPATH": str(python_packages)},
            capture_output=True,
            text=True,
            check=True,
        )
        headers = {
            f"{family}-id": str(asked["id"]),
            f"{family}-timestamp": str(at),
            f"{family}-signature": signed.stdout.strip(),
        }
        assert twice(web, "python", headers, body) == [202, 200]


def test_what_the_node_libraries_sign_verifies(web: httpx.Client, node_packages: Path) -> None:
    make(web, "node", "standard-webhooks", SECRET)
    make(web, "node-github", "github", GITHUB_SECRET)
    make(web, "node-stripe", "stripe", STRIPE_SECRET)
    asked = {"secret": SECRET, "githubSecret": GITHUB_SECRET, "stripeSecret": STRIPE_SECRET, "bodies": BODIES}
    node = shutil.which("node")
    assert node is not None
    signed = subprocess.run(
        [node, str(node_packages / "send.mjs"), json.dumps(asked)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert signed.returncode == 0, signed.stderr
    deliveries = json.loads(signed.stdout)
    assert {one["what"] for one in deliveries} == {"standardwebhooks", "svix", "octokit", "stripe"}
    names = {"octokit": "node-github", "stripe": "node-stripe"}
    for one in deliveries:
        name = names.get(one["what"], "node")
        assert twice(web, name, one["headers"], one["body"]) == [202, 200], one["what"]
