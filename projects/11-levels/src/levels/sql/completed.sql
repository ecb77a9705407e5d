-- Read what a learner has completed.
--
-- Parameters: learner_id, stale_after_days.
SELECT level_id, completed_at, verified_at, verified_against, trust,
       verified_at < now() - :stale_after_days * interval '1 day' AS is_expired
  FROM progress
 WHERE learner_id = :learner_id
