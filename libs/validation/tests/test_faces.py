"""FastAPI, Litestar and Flask answer the same bad request with the same problem."""

import asyncio
import copy
import json
from collections.abc import Callable
from typing import Annotated, Final

import flask
import httpx
import msgspec
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from litestar import Litestar, post
from litestar.params import FromQuery, JSONBody
from pydantic import BaseModel, Field, ValidationError, model_validator

import validation_problems.fastapi
import validation_problems.flask
from validation_problems import CONTENT_TYPE, Value
from validation_problems.litestar import ProblemsPlugin
from validation_problems.openapi import COMPONENTS

from .orders import GOOD, Card, Item, Model, Order, OrderStruct, Transfer
from .test_backends import MISTAKES, Step, put

type Ask = Callable[[str, bytes, str], httpx.Response]

PATH: Final = "/orders"


class Answer(BaseModel):
    lines: int


class Basket(Model):
    items: list[Item]
    payment: Annotated[Card | Transfer, Field(discriminator="method")]


class Refused(Model):
    """Refuses everything, in words that have the value."""

    a: int

    @model_validator(mode="after")
    def refuse(self) -> "Refused":
        raise ValueError(f"never {self.a}")


def fastapi_app() -> FastAPI:
    app = FastAPI()
    validation_problems.fastapi.install(app, lambda request: request.headers.get("x-request-id"))

    @app.post(PATH)
    async def order(order: Order) -> Answer:
        return Answer(lines=len(order.items))

    @app.post("/with-more")
    async def with_more(order: Order, x_limit: Annotated[int, Header()], page: int = 1) -> Answer:
        return Answer(lines=len(order.items) + x_limit + page)

    @app.post("/two")
    async def two(first: Basket, second: Basket) -> Answer:
        return Answer(lines=len(first.items) + len(second.items))

    @app.post("/refused")
    async def refused(body: Refused) -> Answer:
        return Answer(lines=body.a)

    return app


@post(PATH)
async def struct_order(data: JSONBody[OrderStruct], page: FromQuery[int] = 1) -> dict[str, int]:
    return {"lines": len(data.items) * page}


@post("/model")
async def model_order(data: JSONBody[Order]) -> dict[str, int]:
    return {"lines": len(data.items)}


def flask_app() -> flask.Flask:
    app = flask.Flask(__name__)
    validation_problems.flask.install(app, libraries=(ValidationError, msgspec.ValidationError))

    @app.post(PATH)
    def order() -> dict[str, int]:
        return {"lines": len(validation_problems.flask.body(Order).items)}

    @app.post("/json")
    def plain() -> dict[str, int]:
        return {"lines": len(Order.model_validate(flask.request.get_json()).items)}

    @app.post("/abort")
    def abort() -> dict[str, int]:
        flask.abort(400, "for a reason of its own")

    return app


def asgi(app: FastAPI | Litestar) -> Ask:
    async def ask(path: str, text: bytes, content_type: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            headers = {"content-type": content_type, "x-request-id": "an-id", "x-limit": "1"}
            return await client.post(path, content=text, headers=headers)

    return lambda path, text, content_type: asyncio.run(ask(path, text, content_type))


def wsgi(app: flask.Flask) -> Ask:
    def ask(path: str, text: bytes, content_type: str) -> httpx.Response:
        with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://site") as client:
            return client.post(path, content=text, headers={"content-type": content_type})

    return ask


FACES: Final[dict[str, tuple[Ask, str]]] = {
    "fastapi": (asgi(fastapi_app()), PATH),
    "fastapi, with more": (asgi(fastapi_app()), "/with-more"),
    "litestar, msgspec": (asgi(Litestar([struct_order, model_order], plugins=[ProblemsPlugin()])), PATH),
    "litestar, pydantic": (asgi(Litestar([model_order], plugins=[ProblemsPlugin()])), "/model"),
    "flask": (wsgi(flask_app()), PATH),
}
JSON: Final = "application/json"


def problem(face: str, text: bytes) -> dict[str, Value]:
    ask, path = FACES[face]
    answer = ask(path, text, JSON)
    assert answer.headers["content-type"] == CONTENT_TYPE, answer.text
    told: dict[str, Value] = answer.json()
    assert told["status"] == answer.status_code
    assert told.pop("instance") == path
    told.pop("request_id", None)
    return told


@pytest.mark.parametrize("face", FACES)
def test_what_is_good_gets_its_answer(face: str) -> None:
    ask, path = FACES[face]
    answer = ask(path, json.dumps(GOOD).encode(), JSON)
    assert answer.is_success, answer.text
    assert "lines" in answer.json()


@pytest.mark.parametrize(("path", "mistake"), MISTAKES, ids=str)
def test_each_face_answers_a_mistake_with_the_same_problem(path: tuple[Step, ...], mistake: Value) -> None:
    order = copy.deepcopy(GOOD)
    put(order, path, mistake)
    put(order, ("unknown",), 1)
    text = json.dumps(order).encode()
    of_each = {face: problem(face, text) for face in FACES}
    wanted = of_each["fastapi"]
    assert (wanted["status"], wanted["code"]) == (422, "invalid_input")
    for face, told in of_each.items():
        assert as_msgspec_says(told) == as_msgspec_says(wanted), face


def as_msgspec_says(told: dict[str, Value]) -> Value:
    """Leave out which types were expected: of an optional text msgspec says that `null` will do too."""
    entries = told["errors"]
    assert isinstance(entries, list)
    return [[entry[name] for name in ("pointer", "code")] for entry in entries if isinstance(entry, dict)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"a": 1, "\\u0061": 2}', "duplicate_name"),
        (b'{"a": NaN}', "unexpected_character"),
        (b'{"a": "\\ud800"}', "lone_surrogate"),
        (b"\x89PNG\r\n", "invalid_utf8"),
        (b"[" * 100_000, "depth_limit"),
        (b'{"a":', "unexpected_end"),
        (b"\xef\xbb\xbf{}", "byte_order_mark"),
    ],
)
def test_each_face_answers_what_is_no_json_with_400(text: bytes, code: str) -> None:
    of_each = [problem(face, text) for face in FACES]
    assert of_each == [of_each[0]] * len(FACES)
    assert (of_each[0]["status"], of_each[0]["code"]) == (400, code)


def test_an_id_of_the_request_is_told() -> None:
    ask, path = FACES["fastapi"]
    assert ask(path, b"{}", JSON).json()["request_id"] == "an-id"


def told(answer: httpx.Response) -> list[tuple[str, str, str]]:
    return [(entry["location"], entry["pointer"], entry["code"]) for entry in answer.json()["errors"]]


def test_a_parameter_has_its_own_location() -> None:
    ask, _ = FACES["fastapi"]
    text = json.dumps({**GOOD, "payment": {"method": "card"}}).encode()
    assert told(ask("/with-more?page=x", text, JSON)) == [
        ("query", "#/page", "wrong_type"),
        ("body", "#/payment/last4", "missing"),
    ]
    ask, _ = FACES["litestar, msgspec"]
    assert told(ask(f"{PATH}?page=x", json.dumps(GOOD).encode(), JSON)) == [("query", "#/page", "wrong_type")]


def test_a_body_that_is_not_there_is_missing() -> None:
    ask, _ = FACES["fastapi"]
    for path in (PATH, "/with-more"):
        answer = ask(path, b"", JSON)
        assert (answer.status_code, told(answer)) == (422, [("body", "#", "missing")])


def test_another_method_is_as_fastapi_has_it() -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=fastapi_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.put(PATH, json=GOOD)

    assert asyncio.run(ask()).status_code == 405


def test_a_limit_of_the_application_for_bodies_stays() -> None:
    app = FastAPI(max_body_size=200)
    validation_problems.fastapi.install(app)

    @app.post(PATH)
    async def order(order: Order) -> Answer:
        return Answer(lines=len(order.items))

    assert asgi(app)(PATH, json.dumps(GOOD).encode(), JSON).status_code == 413
    assert asgi(app)(PATH, b"{}", JSON).status_code == 422


def test_whoever_may_not_ask_is_told_that_first() -> None:
    app = FastAPI()
    validation_problems.fastapi.install(app)

    def refuse() -> None:
        raise HTTPException(401)

    @app.post(PATH, dependencies=[Depends(refuse)])
    async def order(order: Order) -> Answer:
        return Answer(lines=len(order.items))

    assert asgi(app)(PATH, b"{}", JSON).status_code == 401


def test_of_two_bodies_each_mistake_is_in_its_own() -> None:
    ask, _ = FACES["fastapi"]
    good = {"items": GOOD["items"], "payment": GOOD["payment"]}
    text = json.dumps(
        {"first": good, "second": {**good, "payment": {"method": "card", "last4": ""}}}
    ).encode()
    assert told(ask("/two", text, JSON)) == [("body", "#/second/payment/last4", "too_short")]


def test_what_a_validator_of_the_application_says_is_not_told() -> None:
    ask, _ = FACES["fastapi"]
    answer = ask("/refused", b'{"a": 7153}', JSON)
    assert told(answer) == [("body", "#", "invalid")]
    assert "7153" not in answer.text


def test_a_router_that_gets_its_dependencies_later_keeps_them() -> None:
    """The short way must not go past whoever asks for a password."""
    app = FastAPI()
    validation_problems.fastapi.install(app)
    asked = []
    router = APIRouter(route_class=validation_problems.fastapi.StrictRoute)

    @router.post(PATH)
    async def order(order: Order) -> Answer:
        return Answer(lines=len(order.items))

    app.include_router(router, dependencies=[Depends(lambda: asked.append("password"))])
    ask = asgi(app)
    assert ask(PATH, json.dumps(GOOD).encode(), JSON).json() == {"lines": 2}
    assert asked == ["password"]
    assert ask(PATH, b'{"a":1,"a":1}', JSON).json()["code"] == "duplicate_name"


def test_another_type_than_json_is_no_body() -> None:
    for face, status in (("fastapi", 422), ("flask", 415)):
        ask, path = FACES[face]
        assert ask(path, json.dumps(GOOD).encode(), "text/plain").status_code == status


def test_flasks_own_reading_and_what_a_view_lets_through_are_told() -> None:
    ask, _ = FACES["flask"]
    assert ask("/json", b'{"a":', JSON).json()["code"] == "unexpected_end"
    assert told(ask("/json", b"{}", JSON))[0] == ("body", "#/customer", "missing")
    assert ask("/abort", b"", JSON).headers["content-type"].startswith("text/html")


def test_the_document_describes_the_errors_and_every_reference_leads_somewhere() -> None:
    document = fastapi_app().openapi()
    schemas = document["components"]["schemas"]
    assert COMPONENTS.items() <= schemas.items()
    assert not {"HTTPValidationError", "ValidationError"} & schemas.keys()
    assert set(document["paths"][PATH]["post"]["responses"]) == {"200", "400", "422"}
    for reference in references(document):
        node: object = document
        for step in reference.removeprefix("#/").split("/"):
            assert isinstance(node, dict)
            assert step in node, reference
            node = node[step]


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [one for member in node.values() for one in references(member)]
    return [one for item in node for one in references(item)] if isinstance(node, list) else []
