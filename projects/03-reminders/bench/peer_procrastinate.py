"""procrastinate's side, in an environment of its own: `peer_procrastinate.py schema|fill|work`."""

# mypy: disable-error-code="import-not-found,import-untyped"

import asyncio
import logging
import os
import sys

from procrastinate import App, PsycopgConnector

CHUNK = 1000
CONNECTIONS = 20


async def nothing() -> None:
    pass


async def run(verb: str, url: str, number: int) -> None:
    app = App(connector=PsycopgConnector(conninfo=url, max_size=CONNECTIONS))
    task = app.task(name="nothing")(nothing)
    async with app.open_async():
        match verb:
            case "schema":
                await app.schema_manager.apply_schema_async()
            case "fill":
                for start in range(0, number, CHUNK):
                    await task.batch_defer_async(*[{} for _ in range(start, min(start + CHUNK, number))])
            case "work":
                await app.run_worker_async(concurrency=number)


def main() -> None:
    verb, *number = sys.argv[1:]
    logging.getLogger("procrastinate").setLevel(logging.ERROR)  # nobody here logs what goes well
    asyncio.run(run(verb, os.environ["DATABASE_URL"], int(number[0]) if number else 0))


if __name__ == "__main__":
    main()
