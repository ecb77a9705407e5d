-- Add a learner. No row: the name is taken.
--
-- Parameters: id, name, token_sha256.
INSERT INTO learners (id, name, token_sha256, created_at)
VALUES (:id, :name, :token_sha256, now())
    ON CONFLICT (name) DO NOTHING
RETURNING id, name, created_at
