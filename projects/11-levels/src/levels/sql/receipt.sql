-- Find the receipt of a run.
--
-- Parameters: run_id.
SELECT number, run_id, text, signature FROM receipts WHERE run_id = :run_id AND chain_id = learner_id
