"""Waiting until a process answers."""

import asyncio
import time
from urllib.parse import urlsplit

import httpx

from kata.errors import TargetError, TooSlowError
from kata.network.persona import Personas
from kata.solution.target import Instance
from kata.system.child import describe_exit

_READY_POLL_SECONDS = 0.03
_READY_ANSWER_SECONDS = 2.0
_SHOWN_BODY_CHARACTERS = 120

# Not from the check's stream: whether its service has to be started must not move what it draws.
_personas = Personas()


def wait_until_ready(instance: Instance, path: str = "/ready", timeout_seconds: float = 20.0) -> float:
    """Poll until the instance answers 200, and return the seconds that it took.

    Raises: TargetError with the instance's output if it exits, TooSlowError if it never gets there.
    """
    started = time.monotonic()
    last_answer = asyncio.run(_poll_until_ready(instance, path, started + timeout_seconds))
    if last_answer is None:
        return time.monotonic() - started
    if not instance.alive:
        raise TargetError(
            f"{instance.name} {describe_exit(instance.exit_code)} before it became ready", instance.output()
        )
    raise TooSlowError(
        f"{instance.name} did not answer GET {path} with 200 within {timeout_seconds:g} s "
        f"(last answer: {last_answer})",
        instance.output(),
    )


async def _poll_until_ready(instance: Instance, path: str, deadline: float) -> str | None:
    """Return None once it answers 200, else what it answered last when it died or the time was over."""
    last_answer = "none"
    url = f"{instance.url}{path}"
    request = httpx.Request("GET", url, headers=_personas.client().head({}, host=urlsplit(url).netloc))
    # Plain HTTP to this machine, limited below; loading certificates would take 20 ms of CPU.
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=None) as client:  # noqa: S113, S501
        while instance.alive and (remaining := deadline - time.monotonic()) > 0:
            # httpx limits each read; only a limit on the whole exchange ends one that trickles.
            limit = min(remaining, _READY_ANSWER_SECONDS)
            try:
                async with asyncio.timeout(limit):
                    response = await client.send(request)
                if response.status_code == httpx.codes.OK:
                    return None
                last_answer = _summary(response)
            except httpx.ConnectError:
                last_answer = "connection refused"
            except TimeoutError:
                if (
                    limit == _READY_ANSWER_SECONDS or last_answer == "none"
                ):  # the deadline cuts the last one short
                    last_answer = f"nothing for {limit:.1f} s"
            except httpx.HTTPError as error:
                last_answer = f"no valid HTTP: {error}"
            await asyncio.sleep(_READY_POLL_SECONDS)
    return last_answer


def _summary(response: httpx.Response) -> str:
    body = " ".join(response.text.split())
    if len(body) > _SHOWN_BODY_CHARACTERS:
        body = f"{body[:_SHOWN_BODY_CHARACTERS]}..."
    return f"{response.status_code} {body}".rstrip()
