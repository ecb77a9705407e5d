"""The tables of jobs: what counts of a job stands here, and not in the queue that wakes workers."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.metadata import METADATA, MOMENT

JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False),
    Column("type", Text, nullable=False),
    Column("args", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("max_attempts", Integer, nullable=False),
    Column("run_token", Uuid),
    Column("lease_until", MOMENT),
    Column("run_at", MOMENT, nullable=False, server_default=func.now()),
    Column("requested_by", ForeignKey("users.id", ondelete="SET NULL")),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Column("finished_at", MOMENT),
    Column("line", Text),
    Column("position", BigInteger),
    Column("traceparent", Text),
    CheckConstraint(
        "state IN ('queued', 'running', 'succeeded', 'dead', 'discarded', 'cancelled')",
        name="jobs_state_check",
    ),
    Index("jobs_tenant_id_id_idx", "tenant_id", "id"),
    Index("jobs_queued_idx", "tenant_id", "run_at", "id", postgresql_where=text("state = 'queued'")),
    Index("jobs_running_idx", "lease_until", postgresql_where=text("state = 'running'")),
    Index(
        "jobs_line_idx",
        "line",
        "position",
        postgresql_where=text("line IS NOT NULL AND state IN ('queued', 'running')"),
    ),
)
JOB_ATTEMPTS: Final = Table(
    "job_attempts",
    METADATA,
    Column("tenant_id", Uuid, nullable=False),
    Column("job_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", MOMENT, nullable=False, server_default=func.now()),
    Column("finished_at", MOMENT),
    Column("outcome", Text),
    Column("error", Text),
    PrimaryKeyConstraint("job_id", "number", name="job_attempts_pkey"),
    ForeignKeyConstraint(["job_id"], ["jobs.id"], name="job_attempts_job_id_fkey", ondelete="CASCADE"),
)
