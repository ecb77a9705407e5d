-- Find a run that has not ended and is in the way of another: one of the same folder, or of two speed runs the first.
--
-- Parameters: kind, learner_id, target. Result: its kind and id, if there is one.
SELECT kind, id FROM runs
 WHERE state IN ('queued', 'running')
   AND (target = :target OR kind = 'speed' AND :kind = 'speed' AND learner_id = :learner_id)
 ORDER BY id
 LIMIT 1
