-- Give back claims whose attempts were not finished: due at once, and the attempt is not counted.
--
-- Parameters: ids, tokens.
-- Result: the ids given back. The token is raised, so that what the worker may still say is refused.
WITH released AS (
    UPDATE events AS e
       SET state = 'pending', due_at = now(), attempt_count = e.attempt_count - 1, lease_token = e.lease_token + 1
      FROM unnest(CAST(:ids AS uuid[]), CAST(:tokens AS bigint[])) AS held (id, token)
     WHERE e.id = held.id AND e.lease_token = held.token AND e.state = 'forwarding'
 RETURNING e.id, e.round, e.attempt_count
), forgotten AS (
    DELETE FROM attempts AS a
     USING released
     WHERE a.event_id = released.id AND a.round = released.round AND a.number = released.attempt_count + 1
)
SELECT id FROM released
