-- End a run, and mark what it has shown: the only statement that completes a level.
--
-- Parameters: id, token, state, reason.
-- Result: the id. No row: the lease is lost, and nothing is marked.
-- Atomic: the state, the last event and the progress are there together or not at all. Of a run that has passed all
-- levels count, and of each the first time.
WITH finished AS (
    UPDATE runs
       SET state = :state,
           reason = :reason,
           due_at = NULL,
           event_count = event_count + 1,
           finished_at = now()
     WHERE id = :id AND lease_token = :token AND state = 'running'
 RETURNING id, kind, learner_id, stages, state, reason, event_count
), told AS (
    INSERT INTO run_events (run_id, number, at, kind, data)
    SELECT id, event_count, now(), 'end', jsonb_build_object('state', state, 'reason', reason) FROM finished
), completed AS (
    INSERT INTO progress (learner_id, level_id, completed_at, run_id)
    SELECT learner_id, stage ->> 'level_id', now(), id
      FROM finished, jsonb_array_elements(stages) AS stage
     WHERE state = 'passed' AND kind = 'level'
        ON CONFLICT (learner_id, level_id) DO NOTHING
)
SELECT id FROM finished
