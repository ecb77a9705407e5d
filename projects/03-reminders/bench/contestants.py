"""The sides of every comparison: how each is emptied, filled and started, all behind the same few verbs.

All queues are filled in bulk, past each side's API: creating is not what is measured.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

import psycopg
import redis

from reminders.due_index import KEY

HERE = Path(__file__).parent
DATA = HERE.parents[2] / ".data" / "bench-03"
CONCURRENCY = 100
"""Of every side: ours by default, ten times arq's default and a hundred times procrastinate's."""
TURN_SECONDS = 0.01


class Worker:
    """A worker's process, with the moment at which each of its lines came in."""

    def __init__(self, command: list[str], environment: Mapping[str, str] | None = None) -> None:
        self.lines: list[tuple[float, str]] = []
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=[self._process.stdout])
        self._reader.start()

    def check(self) -> None:
        if self._process.poll() is not None:
            raise SystemExit(f"a worker ended by itself, with {self._process.returncode}")

    def kill(self) -> None:
        self._process.kill()
        self._end()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def _end(self) -> None:
        self._process.wait()
        self._reader.join()

    def _read(self, stdout: IO[str]) -> None:
        self.lines.extend((time.time(), line) for line in stdout)


class Contestant(Protocol):
    name: str

    def empty(self) -> None: ...
    def fill(self, job: str, count: int, first: float, span_seconds: float) -> None:
        """Queue `count` of a job, spread evenly over the span from the first moment, a Unix time."""
        ...

    def start(self, job: str) -> Worker:
        """Start a worker for `nothing` (leaves no trace) or `line` (writes one line to stdout)."""
        ...

    def due(self, line: str) -> float | None:
        """When the job that wrote this line was due; None if it is another line."""
        ...

    def drain_seconds(self) -> float | None:
        """From the first start to the last end; None while anything is left. Asked again and again."""
        ...


class Ours:
    """`python -m reminders worker`, with the channel `log`: silent, or a line for each reminder."""

    name = "the reminder service"

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._database_url = database_url
        self._redis_url = redis_url
        self._database = psycopg.connect(database_url, autocommit=True)
        self._redis = redis.Redis.from_url(redis_url)

    def empty(self) -> None:
        self._database.execute("TRUNCATE reminders, attempts")
        self._redis.delete(KEY)

    def fill(self, job: str, count: int, first: float, span_seconds: float) -> None:
        """Without a word to Redis: the worker finds these by PostgreSQL, and indexes them itself."""
        _ = job
        self.insert(count, first, span_seconds)
        self._database.execute("ANALYZE reminders")
        self._database.execute("CHECKPOINT")

    def insert(self, count: int, first: float, span_seconds: float, callback_url: str | None = None) -> None:
        self._database.execute(
            """
            INSERT INTO reminders
                   (id, message, channel, callback_url, remind_at, state, due_at, created_at, updated_at)
            SELECT uuidv7(), 'tea', %(channel)s, %(callback_url)s, due, 'scheduled', due, now(), now()
              FROM (SELECT to_timestamp(%(first)s + %(span)s::float8 * number / %(count)s) AS due
                      FROM generate_series(0, %(count)s - 1) AS number)
            """,
            {
                "channel": "log" if callback_url is None else "webhook",
                "callback_url": callback_url,
                "first": first,
                "span": span_seconds,
                "count": count,
            },
        )

    def start(self, job: str, settings: Mapping[str, str] | None = None) -> Worker:
        environment = {
            "DATABASE_URL": self._database_url,
            "REDIS_URL": self._redis_url,
            "WORKER_CONCURRENCY": str(CONCURRENCY),
            "LOG_LEVEL": "warning" if job == "nothing" else "info",
        }
        command = [sys.executable, "-m", "reminders", "worker"]
        return Worker(command, {**environment, **(settings or {})})

    def due(self, line: str) -> float | None:
        remind_at = json.loads(line).get("remind_at")
        return datetime.fromisoformat(remind_at).timestamp() if remind_at else None

    def drain_seconds(self) -> float | None:
        return from_the_books(
            self._database,
            "SELECT EXISTS (SELECT FROM reminders WHERE due_at IS NOT NULL)",
            "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM attempts",
        )


class Arq:
    """One arq worker, as fast as its settings make it; with `poll_seconds` 0.5, arq's default."""

    def __init__(self, redis_url: str, poll_seconds: float) -> None:
        self.name = f"arq, polls every {poll_seconds:g} s"
        self._redis_url = redis_url
        self._redis = redis.Redis.from_url(redis_url)
        self._poll_seconds = poll_seconds
        self._count = 0
        self._began: float | None = None

    def empty(self) -> None:
        self._redis.flushdb()
        self._began = None

    def fill(self, job: str, count: int, first: float, span_seconds: float) -> None:
        self._count = count
        self._run("fill", job, count, first, span_seconds)

    def start(self, job: str) -> Worker:
        _ = job
        return Worker(peer("arq", "work", self._redis_url, self._poll_seconds, CONCURRENCY))

    def due(self, line: str) -> float | None:
        word, _, moment = line.partition(" ")
        return float(moment) if word == "due" else None

    def drain_seconds(self) -> float | None:
        left = int(str(self._redis.zcard("arq:queue")))  # each job leaves the queue when it is finished
        if self._began is None and left < self._count:
            self._began = time.monotonic()
        return None if left or self._began is None else time.monotonic() - self._began

    def in_progress_seconds(self) -> float:
        """How long until the only job that is in progress may be run again."""
        (key,) = self._redis.keys("arq:in-progress:*")
        return int(str(self._redis.pttl(key))) / 1000

    def _run(self, verb: str, *words: object) -> None:
        subprocess.run(peer("arq", verb, self._redis_url, *words), check=True)


class Procrastinate:
    """One procrastinate worker with twenty connections."""

    name = "procrastinate"

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._run("schema")
        self._database = psycopg.connect(database_url, autocommit=True)

    def empty(self) -> None:
        self._database.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")

    def fill(self, job: str, count: int, first: float, span_seconds: float) -> None:
        """Due at once, whatever the moment: it is compared by its drain alone."""
        _ = job, first, span_seconds
        self._run("fill", count)
        self._database.execute("ANALYZE procrastinate_jobs")
        self._database.execute("CHECKPOINT")

    def start(self, job: str) -> Worker:
        _ = job
        return Worker(peer("procrastinate", "work", CONCURRENCY), {"DATABASE_URL": self._database_url})

    def due(self, line: str) -> float | None:
        _ = line
        return None

    def drain_seconds(self) -> float | None:
        return from_the_books(
            self._database,
            "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))",
            "SELECT extract(epoch FROM max(at) FILTER (WHERE type = 'succeeded')"
            " - min(at) FILTER (WHERE type = 'started')) FROM procrastinate_events",
        )

    def _run(self, verb: str, *words: object) -> None:
        environment = {
            **os.environ,
            "DATABASE_URL": self._database_url,
        }  # its password is for no command line
        subprocess.run(peer("procrastinate", verb, *words), check=True, env=environment)


def from_the_books(database: psycopg.Connection, any_left: str, span_seconds: str) -> float | None:
    """Ask a queue's own record, which has the moments; asking costs next to nothing while it works."""
    row = database.execute(any_left.encode()).fetchone()
    assert row is not None
    if row[0]:
        return None
    row = database.execute(span_seconds.encode()).fetchone()
    assert row is not None
    return float(row[0])


def peer(name: str, *words: object) -> list[str]:
    return [str(peer_python(name)), str(HERE / f"peer_{name}.py"), *map(str, words)]


def peer_python(name: str) -> Path:
    return DATA / name / "bin/python"


def wait_until(happened: Callable[[], bool], worker: Worker, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        worker.check()
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds:g} s")
        time.sleep(TURN_SECONDS)
