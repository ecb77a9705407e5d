"""The same FastAPI route as FastAPI answers by default, with this library, and blind to the body."""
# mypy: disable-error-code="import-not-found,untyped-decorator"
# Because the peers have an environment of their own.

from dto import Order
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel


class Answer(BaseModel):
    lines: int
    total: str


def add_route(app: FastAPI) -> None:
    @app.post("/orders")
    async def order(order: Order) -> Answer:
        return Answer(
            lines=len(order.items), total=str(sum(item.qty * item.unit_price for item in order.items))
        )


def default() -> FastAPI:
    app = FastAPI()
    add_route(app)
    return app


def ours() -> FastAPI:
    from validation_problems.fastapi import install

    app = FastAPI()
    install(app)
    add_route(app)
    return app


def bare() -> FastAPI:
    """Reads the body, and nothing of it: what the server and FastAPI's routing leave."""
    app = FastAPI()

    async def order(request: Request) -> Response:
        await request.body()
        return Response(b'{"lines":8,"total":"1054.64"}', media_type="application/json")

    app.add_route("/orders", order, methods=["POST"])
    return app
