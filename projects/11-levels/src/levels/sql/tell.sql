-- Keep an event of a run, under the number that its teller expects it to get.
--
-- Parameters: id, token, number, kind, data.
-- Result: the number. No row: the lease is lost.
-- Atomic: the row of the run is locked, so that numbers have no gap and become visible in their order. Told again,
-- because nobody answered whether it was kept, it finds itself and changes nothing.
WITH counted AS (
    UPDATE runs
       SET event_count = :number
     WHERE id = :id AND lease_token = :token AND state = 'running' AND event_count IN (:number - 1, :number)
 RETURNING id, event_count
), told AS (
    INSERT INTO run_events (run_id, number, at, kind, data)
    SELECT id, event_count, now(), :kind, CAST(:data AS jsonb) FROM counted
        ON CONFLICT (run_id, number) DO NOTHING
)
SELECT event_count FROM counted
