"""What a worker reads from its environment."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from apps.api.settings import Files, Jobs, Mailbox, Stores, Webhooks
from service_kit import worker
from service_kit.tracers import TracingSettings
from service_kit.urls import check_address

WORKER_ROLE = "capstone_worker"


def check_smtp_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path or parts.query:
        raise ValueError("it is smtp://[user:password@]host[:port], or smtps://")
    if "#" in url:
        raise ValueError("it has no fragment; special characters of a password are percent-encoded")
    check_address(url, parts.hostname, parts.port)  # the port raises ValueError for what is none
    return url


class WorkerSettings(worker.WorkerSettings, Stores, Jobs, Mailbox, Webhooks, Files, TracingSettings):
    """What `worker` reads."""

    smtp_url: Annotated[
        str,
        AfterValidator(check_smtp_url),
        Field(repr=False, description="Which server takes the mails: `smtp://host:port`, or `smtps://`"),
    ]
    mail_from: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", description="The sender of the mails")] = (
        "accounts@localhost"
    )
    concurrency: Annotated[int, Field(ge=1, le=100, description="How many jobs a worker runs at once")] = 10
    lease_seconds: Annotated[
        float, Field(ge=1, le=3600, description="After how long without a word a worker's jobs are others'")
    ] = 10.0
    backoff_seconds: Annotated[
        float, Field(ge=0.05, le=3600, description="How long a job waits after its first failure, at most")
    ] = 1.0
    disable_failures: Annotated[
        int,
        Field(ge=1, le=10_000, description="After how many failures in a row a webhook endpoint is disabled"),
    ] = 20
    disable_seconds: Annotated[
        float,
        Field(ge=0, le=2_592_000, description="And over which span these have to be at least"),
    ] = 86_400.0
    call_timeout_seconds: Annotated[
        float, Field(ge=0.1, le=30, description="How long a destination may take to answer")
    ] = 10.0
