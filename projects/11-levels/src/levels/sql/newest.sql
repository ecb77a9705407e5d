-- List the runs of a learner, newest first, behind the one with the id `after`.
--
-- Parameters: learner_id, after, most.
SELECT * FROM runs
 WHERE learner_id = :learner_id AND kind = 'level' AND (CAST(:after AS uuid) IS NULL OR id < CAST(:after AS uuid))
 ORDER BY id DESC
 LIMIT :most
