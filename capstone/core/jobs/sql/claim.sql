-- Claims the next job, of the tenant that has the fewest running: who has queued thousands delays nobody else.
-- In a line, jobs with a position wait for those before them, and of the others two are run at a time.
-- `waiting` walks through the index from tenant to tenant, and not through the jobs of each.
WITH RECURSIVE waiting AS (
    (SELECT tenant_id FROM jobs WHERE state = 'queued' AND run_at <= now() ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT jobs.tenant_id FROM jobs
        WHERE jobs.state = 'queued' AND jobs.run_at <= now() AND jobs.tenant_id > waiting.tenant_id
        ORDER BY jobs.tenant_id LIMIT 1
    )
    FROM waiting WHERE waiting.tenant_id IS NOT NULL
),
running AS (
    SELECT tenant_id, count(*) AS jobs FROM jobs WHERE state = 'running' GROUP BY tenant_id
),
turns AS (
    SELECT waiting.tenant_id
    FROM waiting LEFT JOIN running USING (tenant_id)
    WHERE waiting.tenant_id IS NOT NULL
    ORDER BY coalesce(running.jobs, 0), random()
),
chosen AS (
    SELECT job.id
    FROM turns CROSS JOIN LATERAL (
        SELECT id FROM jobs
        WHERE tenant_id = turns.tenant_id AND state = 'queued' AND run_at <= now() AND attempt < max_attempts
            AND CASE
                WHEN line IS NULL THEN true
                WHEN position IS NOT NULL THEN NOT EXISTS (
                    SELECT FROM jobs AS earlier
                    WHERE earlier.line = jobs.line AND earlier.position < jobs.position
                        AND earlier.state IN ('queued', 'running')
                )
                ELSE (
                    SELECT count(*) FROM jobs AS others
                    WHERE others.line = jobs.line AND others.state = 'running'
                ) < 2
            END
        ORDER BY run_at, id LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS job
    LIMIT 1
),
claimed AS (
    UPDATE jobs
    SET state = 'running', attempt = attempt + 1, run_token = :run_token, lease_until = now() + :lease
    FROM chosen WHERE jobs.id = chosen.id
    RETURNING jobs.*
),
begun AS (
    INSERT INTO job_attempts (tenant_id, job_id, number, worker)
    SELECT tenant_id, id, attempt, :worker FROM claimed
)
SELECT id AS job_id, tenant_id, type, args, attempt, max_attempts, run_token, line, traceparent FROM claimed
