-- Find a run of a learner.
--
-- Parameters: id, learner_id.
SELECT * FROM runs WHERE id = :id AND learner_id = :learner_id
