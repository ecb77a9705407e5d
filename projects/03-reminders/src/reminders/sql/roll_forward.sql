-- Move a claimed recurring reminder on to the latest occurrence that was missed, before its first attempt.
--
-- Parameters: id, token, remind_at.
-- Result: one row, or none if the lease is lost.
UPDATE reminders
   SET remind_at = :remind_at, version = version + 1, updated_at = now()
 WHERE id = :id AND lease_token = :token AND state = 'delivering'
RETURNING id
