-- Read the events of a run behind a number, in their order.
--
-- Parameters: run_id, after, most.
SELECT number, at, kind, data FROM run_events
 WHERE run_id = :run_id AND number > :after
 ORDER BY number
 LIMIT :most
