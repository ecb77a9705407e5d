"""arq's side, in an environment of its own: `python peer_arq.py fill|work REDIS_URL ...`.

arq's command-line worker would log two lines for each job; this one logs none.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

import asyncio
import sys
import time

from arq.connections import RedisSettings, create_pool
from arq.constants import default_queue_name, expires_extra_ms, job_key_prefix
from arq.jobs import serialize_job
from arq.worker import Worker

CHUNK = 1000


async def nothing(_ctx: dict[object, object], _due: float) -> None:
    pass


async def line(_ctx: dict[object, object], due: float) -> None:
    print("due", due, flush=True)


async def call(_ctx: dict[object, object], port: float) -> None:
    """Call and wait for the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(b"call\n")
    await reader.read()
    writer.close()


async def ready(_ctx: dict[object, object]) -> None:
    print("ready", flush=True)


async def fill(url: str, job: str, count: int, first: float, span_seconds: float) -> None:
    """Write what `enqueue_job` would write, a thousand jobs a round trip; `call` gets `first` as its port."""
    pool = await create_pool(RedisSettings.from_dsn(url))
    for start in range(0, count, CHUNK):
        pipeline = pool.pipeline(transaction=False)
        for number in range(start, min(start + CHUNK, count)):
            now_ms = int(time.time() * 1000)
            argument = first + span_seconds * number / count
            due_ms = now_ms if job == "call" else max(int(argument * 1000), 1)
            expires_ms = max(due_ms - now_ms, 0) + expires_extra_ms
            pipeline.psetex(
                f"{job_key_prefix}{number}", expires_ms, serialize_job(job, (argument,), {}, None, now_ms)
            )
            pipeline.zadd(default_queue_name, {str(number): due_ms})
        await pipeline.execute()
    await pool.aclose()


def work(url: str, poll_seconds: float, concurrency: int) -> None:
    asyncio.set_event_loop(asyncio.new_event_loop())  # arq asks for one before it has made any
    Worker(
        [nothing, line, call],
        redis_settings=RedisSettings.from_dsn(url),
        max_jobs=concurrency,
        poll_delay=poll_seconds,
        on_startup=ready,
    ).run()


def main() -> None:
    match sys.argv[1:]:
        case ["fill", url, job, count, first, span_seconds]:
            asyncio.run(fill(url, job, int(count), float(first), float(span_seconds)))
        case ["work", url, poll_seconds, concurrency]:
            work(url, float(poll_seconds), int(concurrency))


if __name__ == "__main__":
    main()
