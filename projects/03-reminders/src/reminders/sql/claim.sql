-- Claim what is due, oldest first, for one attempt each.
--
-- Parameters: batch, lease_seconds, max_attempts, worker.
-- Result: one row for each reminder claimed (state 'delivering'), or given up because its last attempt was lost
-- with its worker (state 'dead').
-- Atomic: one statement. Each claim raises the fencing token and writes its attempt down before the attempt is
-- made, so that a reminder which kills its worker uses up its attempts like any other and ends in 'dead'.
-- A lease is the due time moved into the future: what a dead worker left and what is due for the first time are
-- found by the same index.
-- Cost: O(batch * log n) by reminders_due. SKIP LOCKED lets workers pass each other, and a cancel under way.
WITH due AS (
    SELECT id,
           state = 'delivering' AS abandoned,
           state = 'delivering' AND attempt_count >= :max_attempts AS exhausted
      FROM reminders
     WHERE due_at <= now()
     ORDER BY due_at
     LIMIT :batch
       FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE reminders AS r
       SET state = CASE WHEN exhausted THEN 'dead' ELSE 'delivering' END,
           due_at = CASE WHEN exhausted THEN NULL ELSE now() + :lease_seconds * interval '1 second' END,
           attempt_count = attempt_count + CASE WHEN exhausted THEN 0 ELSE 1 END,
           lease_token = lease_token + 1,
           version = version + 1,
           updated_at = now()
      FROM due
     WHERE r.id = due.id
 RETURNING r.*
), lost AS (
    UPDATE attempts AS a
       SET finished_at = now(), outcome = 'lost', error = 'the worker was gone when the lease ended'
      FROM due
     WHERE due.abandoned AND a.reminder_id = due.id AND a.finished_at IS NULL
), begun AS (
    INSERT INTO attempts (reminder_id, occurrence, number, worker, started_at)
    SELECT id, occurrence, attempt_count, :worker, now() FROM claimed WHERE state = 'delivering'
)
SELECT * FROM claimed
