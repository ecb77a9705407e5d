-- Write down how attempts ended, and what becomes of their reminders.
--
-- Parameters: arrays of equal length, one element for each attempt.
-- Result: id, token and due time of each reminder completed. What is missing was refused, for its lease is over:
-- the reminder was claimed again since, or given back (the token fences off a worker that comes too
-- late), or it is completed already, by an earlier try whose answer was lost.
-- Atomic: one statement for all of them. Needs PostgreSQL 18: RETURNING tells old and new values apart.
WITH done AS (
    SELECT *
      FROM unnest(
               CAST(:ids AS uuid[]), CAST(:tokens AS bigint[]), CAST(:outcomes AS text[]),
               CAST(:status_codes AS integer[]), CAST(:errors AS text[]), CAST(:states AS text[]),
               CAST(:delays AS double precision[]), CAST(:next_remind_ats AS timestamptz[])
           ) AS d (id, token, outcome, status_code, error, state, delay, next_remind_at)
), completed AS (
    UPDATE reminders AS r
       SET state = done.state,
           due_at = coalesce(done.next_remind_at, now() + done.delay * interval '1 second'),
           remind_at = coalesce(done.next_remind_at, r.remind_at),
           occurrence = r.occurrence + CASE WHEN done.next_remind_at IS NULL THEN 0 ELSE 1 END,
           attempt_count = CASE WHEN done.next_remind_at IS NULL THEN r.attempt_count ELSE 0 END,
           version = r.version + 1,
           updated_at = now()
      FROM done
     WHERE r.id = done.id AND r.lease_token = done.token AND r.state = 'delivering'
 RETURNING r.id, r.lease_token, new.due_at, old.occurrence, old.attempt_count
), recorded AS (
    UPDATE attempts AS a
       SET finished_at = now(), outcome = done.outcome, status_code = done.status_code, error = done.error
      FROM done JOIN completed ON completed.id = done.id AND completed.lease_token = done.token
     WHERE a.reminder_id = done.id AND a.occurrence = completed.occurrence AND a.number = completed.attempt_count
)
SELECT id, lease_token, due_at FROM completed
