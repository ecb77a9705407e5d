-- Put off the end of the leases that a worker still holds.
--
-- Parameters: ids, tokens, lease_seconds.
-- Result: the ids and tokens renewed. What is missing was completed meanwhile, or claimed again: an
-- attempt that still runs has lost its lease and must stop.
UPDATE reminders AS r
   SET due_at = now() + :lease_seconds * interval '1 second'
  FROM unnest(CAST(:ids AS uuid[]), CAST(:tokens AS bigint[])) AS held (id, token)
 WHERE r.id = held.id AND r.lease_token = held.token AND r.state = 'delivering'
RETURNING r.id, r.lease_token
