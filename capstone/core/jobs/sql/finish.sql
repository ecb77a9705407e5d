-- Ends an attempt, if the job is still this worker's: a late result finds another token, or none.
WITH finished AS (
    UPDATE jobs
    SET state = :state, finished_at = CASE WHEN :state = 'queued' THEN NULL ELSE now() END,
        run_token = NULL, lease_until = NULL, run_at = now() + :wait
    WHERE id = :job_id AND run_token = :run_token
    RETURNING id, attempt, run_at
),
ended AS (
    UPDATE job_attempts SET finished_at = now(), outcome = :outcome, error = :error
    FROM finished WHERE job_attempts.job_id = finished.id AND job_attempts.number = finished.attempt
)
SELECT run_at FROM finished
