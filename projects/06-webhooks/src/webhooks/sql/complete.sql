-- Write down how attempts ended, and what becomes of their events.
--
-- Parameters: arrays of equal length, one element for each attempt.
-- Result: the ids of the events completed. What is missing was refused: it was claimed again since, or given back
-- (the token fences off a worker that comes too late), or it is completed already.
-- Atomic: one statement for all of them.
WITH done AS (
    SELECT *
      FROM unnest(
               CAST(:ids AS uuid[]), CAST(:tokens AS bigint[]), CAST(:outcomes AS text[]),
               CAST(:status_codes AS integer[]), CAST(:errors AS text[]), CAST(:states AS text[]),
               CAST(:delays AS double precision[])
           ) AS d (id, token, outcome, status_code, error, state, delay)
), completed AS (
    UPDATE events AS e
       SET state = done.state, due_at = now() + done.delay * interval '1 second'
      FROM done
     WHERE e.id = done.id AND e.lease_token = done.token AND e.state = 'forwarding'
 RETURNING e.id, e.round, e.attempt_count, done.outcome, done.status_code, done.error
), recorded AS (
    UPDATE attempts AS a
       SET finished_at = now(), outcome = c.outcome, status_code = c.status_code, error = c.error
      FROM completed AS c
     WHERE a.event_id = c.id AND a.round = c.round AND a.number = c.attempt_count
)
SELECT id FROM completed
