"""What the service is compared with: a FastAPI route as one would write it, with the senders' own library.

It verifies the bytes as they came, has a unique constraint and commits each event before it answers. It knows
its one secret beforehand, takes one scheme, keeps nothing of what it rejects, logs and counts nothing.
"""
# mypy: disable-error-code="import-not-found,untyped-decorator,misc"
# Because the peers have an environment of their own.

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request, Response
from psycopg_pool import AsyncConnectionPool
from standardwebhooks import Webhook, WebhookVerificationError

POOL_SIZE = 10  # as the service has
TABLE = "CREATE TABLE IF NOT EXISTS naive_events (id text PRIMARY KEY, type text, body bytea NOT NULL)"
KEEP = "INSERT INTO naive_events (id, type, body) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"

pool = AsyncConnectionPool(
    os.environ["DATABASE_URL"], kwargs={"autocommit": True}, min_size=POOL_SIZE, open=False
)
webhook = Webhook(os.environ["SECRET"])


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with pool:
        async with pool.connection() as connection:
            await connection.execute(TABLE)
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/in/shop")
async def receive(request: Request, response: Response) -> dict[str, str]:
    body = await request.body()
    try:
        webhook.verify(body, dict(request.headers))
    except WebhookVerificationError as error:
        raise HTTPException(401) from error
    message_id = request.headers["webhook-id"]
    async with pool.connection() as connection:
        kept = await connection.execute(KEEP, (message_id, request.headers.get("content-type"), body))
    response.status_code = 202 if kept.rowcount else 200
    return {"id": message_id, "status": "new" if kept.rowcount else "duplicate"}


def create_app() -> FastAPI:
    return app
