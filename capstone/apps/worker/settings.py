"""What a worker reads from its environment."""

from typing import Annotated

from pydantic import Field

from apps.api.settings import Jobs, Stores
from service_kit import worker

WORKER_ROLE = "capstone_worker"


class WorkerSettings(worker.WorkerSettings, Stores, Jobs):
    """What `worker` reads."""

    concurrency: Annotated[int, Field(ge=1, le=100, description="How many jobs a worker runs at once")] = 10
    lease_seconds: Annotated[
        float, Field(ge=1, le=3600, description="After how long without a word a worker's jobs are others'")
    ] = 10.0
    backoff_seconds: Annotated[
        float, Field(ge=0.05, le=3600, description="How long a job waits after its first failure, at most")
    ] = 1.0
    call_timeout_seconds: Annotated[
        float, Field(ge=0.1, le=30, description="How long a destination may take to answer")
    ] = 10.0
