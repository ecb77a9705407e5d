-- Find the learner that a token belongs to.
--
-- Parameters: token_sha256.
SELECT id, name, created_at FROM learners WHERE token_sha256 = :token_sha256
