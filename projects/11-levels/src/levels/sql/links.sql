-- Read a part of a chain in its order.
--
-- Parameters: learner_id, chain_id, after, most.
SELECT number, run_id, text, signature FROM receipts
 WHERE learner_id = :learner_id AND chain_id = :chain_id AND number > :after
 ORDER BY number
 LIMIT :most
