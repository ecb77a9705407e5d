-- Put off the end of a lease.
--
-- Parameters: id, token, lease_seconds.
-- Result: whether the run is to be cancelled. No row: the lease is lost, and so is the right to say anything.
UPDATE runs
   SET due_at = now() + :lease_seconds * interval '1 second'
 WHERE id = :id AND lease_token = :token AND state = 'running'
RETURNING cancel_requested
