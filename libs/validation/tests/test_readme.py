"""The README's examples are run as they stand."""

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from flask import Flask
from litestar import Litestar

import validation_problems

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def example(heading: str, language: str = "python") -> str:
    """Return the code under a heading."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    (code,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(code)


def app_of(heading: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> object:
    """Import it, as a program is: frameworks look annotations up in its module."""
    name = f"readme_{heading.rsplit(maxsplit=1)[-1].lower()}"
    (folder / f"{name}.py").write_text(example(heading), encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    return __import__(name).app


async def ask(app: FastAPI | Litestar, text: bytes) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
        return await client.post("/orders", content=text, headers={"content-type": "application/json"})


def test_in_fastapi_the_answer_is_the_one_that_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = app_of("In FastAPI", monkeypatch, tmp_path)
    assert isinstance(app, FastAPI)
    answer = asyncio.run(ask(app, b'{"qty": 1000}'))
    assert answer.json() == json.loads(example("In FastAPI", "json"))
    assert asyncio.run(ask(app, b'{"sku": "ABC-0001", "qty": 2}')).json() == {"qty": 2}


def test_in_litestar_all_mistakes_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = app_of("In Litestar", monkeypatch, tmp_path)
    assert isinstance(app, Litestar)
    answer = asyncio.run(ask(app, b'{"qty": "2"}'))
    assert [one["pointer"] for one in answer.json()["errors"]] == ["#/qty", "#/sku"]
    assert asyncio.run(ask(app, b'{"sku": "ABC-0001", "qty": 2}')).json() == {"qty": 2}


def test_in_flask_all_mistakes_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = app_of("In Flask", monkeypatch, tmp_path)
    assert isinstance(app, Flask)
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://site") as client:
        assert client.post("/orders", json={"qty": 2}).json()["errors"][0]["pointer"] == "#/sku"
        assert client.post("/orders", json={"sku": "ABC-0001", "qty": 2}).json() == {"qty": 2}


def test_without_a_framework(capsys: pytest.CaptureFixture[str]) -> None:
    code = example("Without a framework")
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip() == code.strip().splitlines()[-1].strip().removeprefix("# ")


def test_every_public_name_exists_and_each_that_the_readme_takes_is_public() -> None:
    assert [name for name in validation_problems.__all__ if not hasattr(validation_problems, name)] == []
    taken = re.findall(r"^from validation_problems import (.*)$", README, re.MULTILINE)
    names = {name.strip() for line in taken for name in line.split(",")}
    assert names
    assert names <= set(validation_problems.__all__)
