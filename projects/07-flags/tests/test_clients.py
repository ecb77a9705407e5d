"""The providers that applications use, unmodified: they understand what is answered, errors and events too.

They are installed from their registries into a folder of their own, and are no part of the workspace.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from kata.world.owned import OwnedWorld

CLIENTS = Path(__file__).parent / "clients"
PYTHON = ("openfeature-sdk==0.10.0", "openfeature-provider-ofrep==0.3.0")
NODE = (
    "@openfeature/ofrep-provider@0.1.3",
    "@openfeature/ofrep-web-provider@0.4.3",
    "@openfeature/server-sdk@1.23.0",
    "@openfeature/web-sdk@1.10.0",
    "eventsource@4.1.0",
)
INSTALL_SECONDS = 180
TOKEN = "a-token-of-these-tests"
CHANGED = {"variant": "other"}
ANSWERS: Mapping[str, Mapping[str, object]] = {
    "boolean": {"value": True, "variant": "on", "reason": "STATIC"},
    "string": {"value": "żółw", "variant": "on", "reason": "TARGETING_MATCH"},
    "integer": {"value": 2**53 - 1, "variant": "on", "reason": "STATIC"},
    "float": {"value": 3, "variant": "on", "reason": "STATIC"},
    "object": {"value": {"a": [1, None]}, "variant": "on", "reason": "STATIC"},
    "off": {"value": "mine", "reason": "DISABLED"},
    "unknown": {"value": "mine", "reason": "ERROR", "errorCode": "FLAG_NOT_FOUND"},
    "keyless": {"value": "mine", "reason": "ERROR", "errorCode": "TARGETING_KEY_MISSING"},
}


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
    target = ["--python", sys.executable, "--target", str(folder)]
    install([uv, "pip", "install", "-q", *target, *PYTHON], folder)
    return folder


@pytest.fixture(scope="module")
def node_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true}')
    shutil.copy(CLIENTS / "ask.mjs", folder)
    install(["npm", "install", "--silent", "--no-audit", "--no-fund", *NODE], folder)
    return folder


@pytest.fixture
def web(world: OwnedWorld) -> Iterator[httpx.Client]:
    service = world.start({"ADMIN_TOKENS": f"ann:{TOKEN}"})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=service.urls[0], headers=headers, trust_env=False, timeout=10) as client:
        make_flags(client)
        yield client


def make_flags(web: httpx.Client) -> None:
    def flag(key: str, kind: str, value: object, **members: object) -> None:
        document = {"key": key, "type": kind, "variants": {"on": value, "other": value}}
        made = web.post("/api/v1/flags", json={**document, "default": {"variant": "on"}, **members})
        assert made.status_code == 201, made.text

    flag("boolean", "boolean", True)
    pro = [{"attribute": "plan", "operator": "in", "values": ["pro"]}]
    rules = [{"name": "pro", "variant": "on", "when": pro}]
    flag("string", "string", "żółw", variants={"on": "żółw", "other": "koń"}, client_side=True, rules=rules)
    flag("integer", "integer", 2**53 - 1)
    flag("float", "float", 3)
    flag("object", "object", {"a": [1, None]})
    flag("off", "string", "x", enabled=False)
    flag("rollout", "string", "x", rules=[{"name": "half", "variant": "other", "percentage": 50}])


def keys(web: httpx.Client) -> dict[str, str]:
    made = {"url": str(web.base_url).rstrip("/")}
    for kind in ("server", "browser"):
        made[kind] = web.post("/api/v1/keys", json={"name": kind, "kind": kind}).json()["secret"]
    return made


def compare(said: Mapping[str, Mapping[str, object]], **instead: Mapping[str, object]) -> None:
    for name, wanted in {**ANSWERS, **instead}.items():
        found = {member: said[name].get(member) for member in wanted}
        assert found == wanted, name


def test_the_python_provider_understands_it(web: httpx.Client, python_packages: Path) -> None:
    asked = subprocess.run(
        [sys.executable, str(CLIENTS / "ask.py"), json.dumps(keys(web))],
        env={**os.environ, "PYTHONPATH": str(python_packages)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert asked.returncode == 0, asked.stderr
    compare(json.loads(asked.stdout))


def test_the_providers_of_javascript_understand_it_and_hear_of_a_change(
    web: httpx.Client, node_packages: Path
) -> None:
    node = shutil.which("node")
    assert node is not None
    with subprocess.Popen(
        [node, str(node_packages / "ask.mjs"), json.dumps(keys(web))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        assert second, process.stderr.read()
        # This provider calls a value that is absent an error: its user gets the default all the same.
        compare(json.loads(first), off={"value": "mine", "reason": "ERROR"})
        seen = json.loads(second)
        assert (seen["string"]["value"], seen["hidden"]["errorCode"]) == ("żółw", "FLAG_NOT_FOUND")
        change = {"rules": [], "default": CHANGED}
        web.patch("/api/v1/flags/string", json=change, headers={"If-Match": "*"}).raise_for_status()
        third = process.stdout.readline()
        assert third, process.stderr.read()
    assert json.loads(third)["string"]["value"] == "koń"
