-- Keep receipts of another machine, and mark what they prove: the only statement besides a run's end that completes a
-- level.
--
-- Parameters: learner_id, chain_id, links (number, run_id, text, signature in hex), proofs (level_id, completed_at,
-- verified_at, verified_against, trust), both JSON.
-- Result: none. Somebody else has kept one of them meanwhile: an error, and nothing is done.
-- Atomic: receipts and progress are there together or not at all. What was completed before stays so, and what was
-- verified later stays newer.
WITH kept AS (
    INSERT INTO receipts (learner_id, chain_id, number, run_id, text, signature)
    SELECT :learner_id, :chain_id, number, run_id, text, decode(signature, 'hex')
      FROM jsonb_to_recordset(CAST(:links AS jsonb)) AS given (number integer, run_id uuid, text text, signature text)
)
INSERT INTO progress (learner_id, level_id, completed_at, verified_at, verified_against, trust)
SELECT :learner_id, level_id, least(completed_at, now()), least(verified_at, now()), verified_against, trust
  FROM jsonb_to_recordset(CAST(:proofs AS jsonb))
       AS given (level_id text, completed_at timestamptz, verified_at timestamptz, verified_against text, trust text)
    ON CONFLICT (learner_id, level_id) DO UPDATE
   SET verified_at = excluded.verified_at, verified_against = excluded.verified_against, trust = excluded.trust
 WHERE progress.verified_at < excluded.verified_at
