"""The worker: claims one job after another, and tells of each new user."""

import asyncio
from contextlib import suppress
from typing import Final

import httpx
import structlog

from core_backend.domain import Claim
from core_backend.errors import DatabaseUnavailableError
from core_backend.jobs import Jobs

POLL_SECONDS: Final = 0.2
CALL_SECONDS: Final = 4.0
"""For one call. A stop waits for it: less than the time that a stop may take."""

log = structlog.get_logger()


class DeliveryError(Exception):
    """Who was to be told did not say that they were."""


class Welcome:
    """Tells somebody of a new user. They may be told twice, and know it by the Idempotency-Key."""

    def __init__(self, url: str | None, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._http = httpx.AsyncClient(trust_env=False)

    async def deliver(self, claim: Claim) -> None:
        """Raises: DeliveryError."""
        if self._url is None:
            log.info("welcome", user_id=str(claim.user_id))
            return
        body = {"job_id": str(claim.id), "user_id": str(claim.user_id), "email": claim.email}
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._http.post(
                    self._url, json=body, headers={"Idempotency-Key": str(claim.id)}, timeout=None
                )
        except (httpx.HTTPError, TimeoutError) as error:
            raise DeliveryError(type(error).__name__) from error
        if not answer.is_success:
            raise DeliveryError(f"status {answer.status_code}")

    async def close(self) -> None:
        await self._http.aclose()


class Worker:
    """One of any number."""

    def __init__(self, jobs: Jobs, welcome: Welcome) -> None:
        self._jobs = jobs
        self._welcome = welcome
        self._stopped = asyncio.Event()

    def stop(self, by: float) -> None:
        """Claim no more. What is in hand takes no longer than CALL_SECONDS."""
        del by
        self._stopped.set()

    async def run(self) -> None:
        """Work until told to stop."""
        while not self._stopped.is_set():
            try:
                claim = await self._jobs.claim()
                if claim is not None:
                    await self._do(claim)
                    continue
            except DatabaseUnavailableError as error:
                log.warning("the database does not answer", reason=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._stopped.wait()

    async def _do(self, claim: Claim) -> None:
        try:
            await self._welcome.deliver(claim)
        except DeliveryError as error:
            log.warning("job failed", job_id=str(claim.id), attempts=claim.attempts, reason=str(error))
            await self._jobs.fail(claim, str(error))
        else:
            await self._jobs.finish(claim)
            log.info("job done", job_id=str(claim.id), attempts=claim.attempts)
