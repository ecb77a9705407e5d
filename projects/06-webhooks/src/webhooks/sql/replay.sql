-- Forward events again that are forwarded or dead: at once, as a new round with all its attempts.
--
-- Parameters: id, source, state, since, until, each null for any; the bounds are of the time of receipt.
-- Result: the ids of the events. Those under way, and those whose payload is gone, are left as they are.
UPDATE events AS e
   SET state = 'pending', due_at = now(), round = e.round + 1, attempt_count = 0
  FROM sources AS s
 WHERE s.id = e.source_id
   AND e.state IN ('forwarded', 'dead')
   AND e.body IS NOT NULL
   AND (CAST(:id AS uuid) IS NULL OR e.id = :id)
   AND (CAST(:source AS text) IS NULL OR s.name = :source)
   AND (CAST(:state AS text) IS NULL OR e.state = :state)
   AND (CAST(:since AS timestamptz) IS NULL OR e.received_at >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR e.received_at < :until)
RETURNING e.id
