-- Cancel a run: at once while it waits; what runs is ended by its worker, which hears of it when it renews its lease.
--
-- Parameters: kind, id, learner_id.
-- Result: the run as it is then. No row: the learner has none with this id that has not ended.
WITH cancelled AS (
    UPDATE runs
       SET cancel_requested = true,
           state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
           due_at = CASE WHEN state = 'queued' THEN NULL ELSE due_at END,
           finished_at = CASE WHEN state = 'queued' THEN now() END,
           event_count = event_count + CASE WHEN state = 'queued' THEN 1 ELSE 0 END
     WHERE id = :id AND learner_id = :learner_id AND kind = :kind AND state IN ('queued', 'running')
 RETURNING *
), told AS (
    INSERT INTO run_events (run_id, number, at, kind, data)
    SELECT id, event_count, now(), 'end', jsonb_build_object('state', state, 'reason', reason)
      FROM cancelled
     WHERE state = 'cancelled'
)
SELECT * FROM cancelled
