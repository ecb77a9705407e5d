"""The required part of the JSON Schema Test Suite for 2020-12, all of it, through the service.

Source: https://github.com/json-schema-org/JSON-Schema-Test-Suite, MIT, with its licence. Its remote documents
come along as resources. Two of them are left out: they are for optional tests alone.
"""

import json
from pathlib import Path

import httpx
import pytest

SUITE = Path(__file__).parent / "json-schema-test-suite"
FILES = sorted((SUITE / "tests" / "draft2020-12").glob("*.json"))
REMOTES = SUITE / "remotes" / "draft2020-12"
BASE = "http://localhost:1234/draft2020-12/"
RESOURCES = {
    BASE + str(path.relative_to(REMOTES)): json.loads(path.read_text()) for path in REMOTES.rglob("*.json")
}


def test_the_suite_is_whole() -> None:
    assert len(FILES) == 46
    assert sum(len(case["tests"]) for file in FILES for case in json.loads(file.read_text())) == 1299


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_every_value_is_judged_as_the_suite_has_it(file: Path, client: httpx.Client) -> None:
    wrong = []
    for case in json.loads(file.read_text()):
        resources = RESOURCES if BASE in json.dumps(case["schema"]) else {}
        registered = client.post("/api/v1/schemas", json={"schema": case["schema"], "resources": resources})
        assert registered.status_code in {200, 201}, f"{case['description']}: {registered.text}"
        values = [test["data"] for test in case["tests"]]
        answer = client.post(f"/api/v1/schemas/{registered.json()['id']}/batch", json=values)
        assert answer.status_code == 200, answer.text
        for test, result in zip(case["tests"], answer.json()["results"], strict=True):
            if result["valid"] != test["valid"]:
                wrong.append(f"{case['description']}: {test['description']}")
    assert wrong == []
