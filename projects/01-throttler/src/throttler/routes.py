"""The limited routes: two templates, so two budgets for each client."""

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field

from service_kit.flask_openapi import Refusal, described
from throttler.documentation import FIELDS, REFUSALS
from throttler.errors import WordTooLongError

LONGEST_WORD = 64
ROUTES = ("/api/v1/ping", "/api/v1/echo/{word}")
TOO_LONG = Refusal("The word is too long. The request is counted all the same.", FIELDS)

api = Blueprint("api", __name__, url_prefix="/api/v1")


class Pong(BaseModel):
    """What a ping gets."""

    message: Literal["pong"] = "pong"


class Echo(BaseModel):
    """The word that was sent."""

    word: str


@api.get("/ping")
@described(answer="Within the budget.", headers=FIELDS, refusals=REFUSALS)
def ping() -> Pong:
    """Ask for the least that is limited."""
    return Pong()


@api.get("/echo/<word>")
@described(answer="Within the budget.", headers=FIELDS, refusals={**REFUSALS, 422: TOO_LONG})
def echo(word: Annotated[str, Field(max_length=LONGEST_WORD)]) -> Echo:
    """Say a word back.

    All words share one budget: it belongs to the route template, not to the path.
    """
    # The Field above only tells /openapi.json of the limit: Flask does not check what a path holds.
    if len(word) > LONGEST_WORD:
        raise WordTooLongError(len(word), LONGEST_WORD)
    return Echo(word=word)
