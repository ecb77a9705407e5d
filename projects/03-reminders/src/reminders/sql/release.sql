-- Give back claims whose attempts were not finished: due at once, and the attempt is not counted.
--
-- Parameters: ids, tokens.
-- Result: the ids given back. The token is raised, so that what the worker may still say is refused.
WITH released AS (
    UPDATE reminders AS r
       SET state = 'scheduled',
           due_at = now(),
           attempt_count = r.attempt_count - 1,
           lease_token = r.lease_token + 1,
           version = r.version + 1,
           updated_at = now()
      FROM unnest(CAST(:ids AS uuid[]), CAST(:tokens AS bigint[])) AS held (id, token)
     WHERE r.id = held.id AND r.lease_token = held.token AND r.state = 'delivering'
 RETURNING r.id, r.occurrence, r.attempt_count
), forgotten AS (
    DELETE FROM attempts AS a
     USING released
     WHERE a.reminder_id = released.id AND a.occurrence = released.occurrence
       AND a.number = released.attempt_count + 1
)
SELECT id FROM released
