-- Read what a learner has completed.
--
-- Parameters: learner_id.
SELECT level_id, completed_at FROM progress WHERE learner_id = :learner_id
