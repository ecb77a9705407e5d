-- Claim what is due, oldest first, for one attempt each.
--
-- Parameters: batch, lease_seconds, max_attempts, worker.
-- Result: one row for each event claimed, with all that the attempt needs, or given up because its last attempt
-- was lost with its worker (state 'dead').
-- Atomic: one statement. Each claim raises the fencing token and writes its attempt down before it is made, so
-- that an event which kills its worker uses up its attempts like any other.
-- An event with an ordering key waits until no earlier one of its source and key is under way. What is dead is
-- over, and holds up nobody.
WITH due AS (
    SELECT e.id,
           e.state = 'forwarding' AS abandoned,
           e.state = 'forwarding' AND e.attempt_count >= :max_attempts AS exhausted
      FROM events AS e
      JOIN sources AS s ON s.id = e.source_id
     WHERE e.due_at <= now()
       AND s.state <> 'paused'
       AND NOT EXISTS (
               SELECT 1
                 FROM events AS earlier
                WHERE earlier.source_id = e.source_id
                  AND earlier.ordering_key = e.ordering_key
                  AND earlier.sequence < e.sequence
                  AND earlier.due_at IS NOT NULL
           )
     ORDER BY e.due_at
     LIMIT :batch
       FOR UPDATE OF e SKIP LOCKED
), claimed AS (
    UPDATE events AS e
       SET state = CASE WHEN exhausted THEN 'dead' ELSE 'forwarding' END,
           due_at = CASE WHEN exhausted THEN NULL ELSE now() + :lease_seconds * interval '1 second' END,
           attempt_count = attempt_count + CASE WHEN exhausted THEN 0 ELSE 1 END,
           lease_token = lease_token + 1
      FROM due
     WHERE e.id = due.id
 RETURNING e.*
), lost AS (
    UPDATE attempts AS a
       SET finished_at = now(), outcome = 'lost', error = 'the worker was gone when the lease ended'
      FROM due
     WHERE due.abandoned AND a.event_id = due.id AND a.finished_at IS NULL
), begun AS (
    INSERT INTO attempts (event_id, round, number, worker, started_at)
    SELECT id, round, attempt_count, :worker, now() FROM claimed WHERE state = 'forwarding'
)
SELECT c.id, c.state, c.lease_token, c.attempt_count, s.destination, s.signing_secret, c.message_id,
       c.content_type, c.body
  FROM claimed AS c
  JOIN sources AS s ON s.id = c.source_id
