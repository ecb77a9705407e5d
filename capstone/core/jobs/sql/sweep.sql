-- Takes jobs away from workers that have not renewed their leases: queued again, or dead at their last attempt.
WITH lapsed AS (
    SELECT id FROM jobs WHERE state = 'running' AND lease_until < now()
    ORDER BY lease_until LIMIT 100 FOR UPDATE SKIP LOCKED
),
taken AS (
    UPDATE jobs
    SET state = CASE WHEN attempt < max_attempts THEN 'queued' ELSE 'dead' END,
        finished_at = CASE WHEN attempt < max_attempts THEN NULL ELSE now() END,
        run_token = NULL, lease_until = NULL, run_at = now()
    FROM lapsed WHERE jobs.id = lapsed.id
    RETURNING jobs.id, jobs.attempt, jobs.state
),
ended AS (
    UPDATE job_attempts SET finished_at = now(), outcome = 'lost'
    FROM taken WHERE job_attempts.job_id = taken.id AND job_attempts.number = taken.attempt
)
SELECT id, state FROM taken
