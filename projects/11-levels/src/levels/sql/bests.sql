-- Find the best time of a learner for each track: of the speed runs that have passed, the shortest.
--
-- Parameters: learner_id.
SELECT DISTINCT ON (track_id)
       track_id, id AS run_id, finished_at,
       CAST(1000 * extract(epoch FROM finished_at - created_at) AS bigint) AS duration_ms
  FROM runs
 WHERE learner_id = :learner_id AND kind = 'speed' AND state = 'passed'
 ORDER BY track_id, finished_at - created_at, id
