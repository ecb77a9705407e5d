-- Find a run of a learner.
--
-- Parameters: kind, id, learner_id.
SELECT * FROM runs WHERE id = :id AND learner_id = :learner_id AND kind = :kind
