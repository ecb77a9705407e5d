-- Find the learner without an account, whom the migration has made.
--
-- Parameters: none.
SELECT id, name, created_at FROM learners WHERE token_sha256 IS NULL
