-- Give a run back unfinished: it is due at once, and this claim is not counted.
--
-- Parameters: id, token.
-- Result: none. The token is raised, so that what the worker may still say is refused.
WITH released AS (
    UPDATE runs
       SET state = 'queued',
           due_at = now(),
           attempt_count = attempt_count - 1,
           lease_token = lease_token + 1,
           event_count = event_count + 1
     WHERE id = :id AND lease_token = :token AND state = 'running' AND NOT cancel_requested
 RETURNING id, event_count
)
INSERT INTO run_events (run_id, number, at, kind, data)
SELECT id, event_count, now(), 'state', jsonb_build_object('state', 'queued') FROM released
