-- Keep an event of a run, under the next number.
--
-- Parameters: id, token, kind, data.
-- Result: its number. No row: the lease is lost.
-- Atomic: the row of the run is locked, so that numbers have no gap and become visible in their order.
WITH counted AS (
    UPDATE runs
       SET event_count = event_count + 1
     WHERE id = :id AND lease_token = :token AND state = 'running'
 RETURNING id, event_count
), told AS (
    INSERT INTO run_events (run_id, number, at, kind, data)
    SELECT id, event_count, now(), :kind, CAST(:data AS jsonb) FROM counted
)
SELECT event_count FROM counted
