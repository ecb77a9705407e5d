-- Find the end of a learner's chain, and what the next receipt says besides.
--
-- Parameters: learner_id.
SELECT id, name, created_at, receipt_count AS number, receipt_head AS digest, now() AS at
  FROM learners
 WHERE id = :learner_id
