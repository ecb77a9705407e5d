-- List the learners of the class by name, each with how many levels are completed.
--
-- Parameters: none.
SELECT l.id, l.name, l.created_at, count(p.level_id) AS completed
  FROM learners AS l LEFT JOIN progress AS p ON p.learner_id = l.id
 WHERE l.token_sha256 IS NOT NULL
 GROUP BY l.id
 ORDER BY l.name
