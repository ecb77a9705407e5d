-- Claim the run that has waited longest, or one whose worker is gone: its lease is over.
--
-- Parameters: lease_seconds, most_claims, worker.
-- Result: one row if there was one. Its state is 'running', or it has ended here: it was to be cancelled, or it has
-- taken as many workers with it as it may.
-- Atomic: one statement. Each claim raises the fencing token, and tells the readers of the run that what they were
-- told before is void. SKIP LOCKED lets workers pass each other, and a cancel under way.
WITH due AS (
    SELECT id,
           state = 'running' AND cancel_requested AS cancelled,
           state = 'running' AND attempt_count >= :most_claims AS exhausted
      FROM runs
     WHERE due_at <= now()
     ORDER BY due_at, id
     LIMIT 1
       FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE runs AS r
       SET state = CASE WHEN cancelled THEN 'cancelled' WHEN exhausted THEN 'errored' ELSE 'running' END,
           reason = CASE WHEN exhausted AND NOT cancelled THEN 'each worker that judged it was lost' END,
           due_at = CASE WHEN NOT cancelled AND NOT exhausted
                         THEN now() + :lease_seconds * interval '1 second' END,
           attempt_count = attempt_count + CASE WHEN cancelled OR exhausted THEN 0 ELSE 1 END,
           lease_token = lease_token + 1,
           event_count = event_count + 1,
           worker = :worker,
           started_at = coalesce(started_at, now()),
           finished_at = CASE WHEN cancelled OR exhausted THEN now() END
      FROM due
     WHERE r.id = due.id
 RETURNING r.*
), told AS (
    INSERT INTO run_events (run_id, number, at, kind, data)
    SELECT id, event_count, now(), CASE WHEN state = 'running' THEN 'state' ELSE 'end' END,
           jsonb_build_object('state', state, 'reason', reason, 'attempt', attempt_count)
      FROM claimed
)
SELECT * FROM claimed
