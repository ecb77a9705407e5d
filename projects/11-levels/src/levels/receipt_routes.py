"""The HTTP surface of receipts, which everybody may read."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, JsonValue

from levels.archive import Archive
from levels.domain import Link
from levels.errors import LearnerNotFoundError, RunNotFoundError
from levels.receipts import encode
from levels.routes import PREFIX, Asking, Limit, RunId, run_id_of
from levels.transfer import Shown, Transfer
from service_kit.schemas import Body

if TYPE_CHECKING:
    from levels.access import Access


class ReceiptAnswer(BaseModel):
    """What was signed, and the signature of its canonical form, in base64url."""

    receipt: dict[str, object]
    signature: str


class ExportAnswer(BaseModel):
    """A part of a learner's chain."""

    receipts: list[ReceiptAnswer]


class NewReceipt(Body):
    """A receipt from another machine."""

    receipt: dict[str, JsonValue]
    signature: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{86}$")]


class NewReceipts(Body):
    """A part of a chain, in its order."""

    receipts: Annotated[list[NewReceipt], Field(min_length=1, max_length=100)]


class TakenAnswer(BaseModel):
    """How many of them were not known yet."""

    taken: int


class ChainAnswer(BaseModel):
    """Whether each receipt of a learner's is what was signed, and in its place."""

    user_id: UUID
    length: int
    head: str | None
    intact: bool
    broken_at: int | None


async def anybody(request: Request) -> None:
    access: Access = request.app.state.access
    access.anybody(request.headers.get("host", ""))


def archive_of(request: Request) -> Archive:
    archive: Archive = request.app.state.archive
    return archive


def user_id_of(user_id: str) -> UUID:
    try:
        return run_id_of(user_id)
    except RunNotFoundError:
        raise LearnerNotFoundError from None


def transfer_of(request: Request) -> Transfer:
    transfer: Transfer = request.app.state.transfer
    return transfer


type Transferring = Annotated[Transfer, Depends(transfer_of)]
type After = Annotated[int, Query(ge=0, le=2**31 - 1)]
type Receipts = Annotated[Archive, Depends(archive_of)]

receipt_api = APIRouter(prefix=PREFIX, dependencies=[Depends(anybody)])
transfer_api = APIRouter(prefix=PREFIX)


@receipt_api.get("/receipts/{run_id}", response_model=ReceiptAnswer)
async def receipt(run_id: RunId, receipts: Receipts) -> Response:
    """Show the receipt of a run that has passed, as it was signed."""
    return Response(written(await receipts.receipt(run_id)), media_type="application/json")


@receipt_api.get("/learners/{user_id}/chain")
async def chain(user_id: Annotated[UUID, Depends(user_id_of)], receipts: Receipts) -> ChainAnswer:
    """Check all receipts of a learner's."""
    found = await receipts.inspect(user_id)
    return ChainAnswer(
        user_id=found.user_id,
        length=found.head.number,
        head=found.head.digest,
        intact=found.broken_at is None,
        broken_at=found.broken_at,
    )


@transfer_api.get("/receipts", response_model=ExportAnswer)
async def export(learner: Asking, transfer: Transferring, limit: Limit = 20, after: After = 0) -> Response:
    """Hand out the learner's receipts, in their order; `after` is the number of the last that is known."""
    links = await transfer.export(learner, after, limit)
    text = f'{{"receipts":[{",".join(map(written, links))}]}}'
    return Response(text, media_type="application/json")


@transfer_api.post("/receipts")
async def take(body: NewReceipts, learner: Asking, transfer: Transferring) -> TakenAnswer:
    """Take in receipts from another machine: what they prove is completed here, too."""
    shown = [Shown(one.receipt, one.signature) for one in body.receipts]
    return TakenAnswer(taken=await transfer.take(learner, shown))


def written(link: Link) -> str:
    """Write a receipt around the very text that was signed."""
    return f'{{"receipt":{link.text},"signature":"{encode(link.signature)}"}}'
