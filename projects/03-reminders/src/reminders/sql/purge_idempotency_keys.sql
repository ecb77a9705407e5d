-- Forget the Idempotency-Keys whose time is over.
--
-- Parameters: seconds.
-- Cost: O(keys forgotten) by idempotency_keys_created_at.
DELETE FROM idempotency_keys WHERE created_at < now() - :seconds * interval '1 second'
