"""The limited routes: two templates, so two budgets for each client."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from throttler.errors import WordTooLongError

LONGEST_WORD = 64
ROUTES = ("/api/v1/ping", "/api/v1/echo/{word}")

api = Blueprint("api", __name__, url_prefix="/api/v1")


@api.get("/ping")
def ping() -> ResponseReturnValue:
    return {"message": "pong"}


@api.get("/echo/<word>")
def echo(word: str) -> ResponseReturnValue:
    if len(word) > LONGEST_WORD:
        raise WordTooLongError(len(word), LONGEST_WORD)
    return {"word": word}
