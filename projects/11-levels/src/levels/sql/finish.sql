-- End a run, and mark what it has shown: the only statement by which a run completes a level.
--
-- Parameters: id, token, state, reason, trust; number, text, signature, digest of its receipt, or null.
-- Result: the id. No row: the lease is lost, or the learner's chain is longer by now, and nothing is marked.
-- Atomic: the state, the last event, the receipt and the progress are there together or not at all. Whoever is first
-- has the next place in the chain: the others see another count when they get to the learner's row. Of a run that has
-- passed all levels count: as completed the first time, as verified the last.
WITH held AS (
    SELECT id, learner_id FROM runs
     WHERE id = :id AND lease_token = :token AND state = 'running'
       FOR UPDATE
), chained AS (
    UPDATE learners AS l
       SET receipt_count = :number, receipt_head = :digest
      FROM held
     WHERE l.id = held.learner_id AND l.receipt_count = CAST(:number AS integer) - 1
 RETURNING l.id AS learner_id
), kept AS (
    INSERT INTO receipts (learner_id, chain_id, number, run_id, text, signature)
    SELECT learner_id, learner_id, :number, CAST(:id AS uuid), :text, CAST(:signature AS bytea) FROM chained
), finished AS (
    UPDATE runs AS r
       SET state = :state,
           reason = :reason,
           due_at = NULL,
           event_count = event_count + 1,
           finished_at = now()
      FROM held
     WHERE r.id = held.id AND (CAST(:number AS integer) IS NULL OR EXISTS (SELECT FROM chained))
 RETURNING r.id, r.kind, r.learner_id, r.stages, r.state, r.reason, r.event_count
), told AS (
    INSERT INTO run_events (run_id, number, at, kind, data)
    SELECT id, event_count, now(), 'end', jsonb_build_object('state', state, 'reason', reason) FROM finished
), completed AS (
    INSERT INTO progress (learner_id, level_id, completed_at, verified_at, verified_against, trust, run_id)
    SELECT learner_id, stage ->> 'level_id', now(), now(), (
               SELECT data ->> 'contract' FROM run_events
                WHERE run_id = finished.id AND kind = 'level' AND data ->> 'level_id' = stage ->> 'level_id'
                ORDER BY number DESC
                LIMIT 1
           ), :trust, id
      FROM finished, jsonb_array_elements(stages) AS stage
     WHERE state = 'passed' AND kind = 'level'
        ON CONFLICT (learner_id, level_id) DO UPDATE
       SET verified_at = excluded.verified_at,
           verified_against = excluded.verified_against,
           trust = excluded.trust,
           run_id = excluded.run_id
)
SELECT id FROM finished
